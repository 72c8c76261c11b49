{{/*
Templates for the chart of an application that has this chart as a dependency named `sluice`, with `gateway: false`.
`sluice.sidecar.container` belongs into `initContainers` (a native sidecar), `sluice.sidecar.volume` into `volumes`.
Both take the root context of that chart. The Service of the application points to the port named `sluice`.
*/}}
{{- define "sluice.sidecar.container" -}}
{{- $chart := .Subcharts.sluice -}}
{{- $image := include "sluice.image" $chart -}}
{{- include "sluice.container" (dict "values" $chart.Values "image" $image "resources" $chart.Values.sidecar.resources "port" "sluice" "startup" "/readyz") }}
restartPolicy: Always
volumeMounts:
  - { name: sluice-config, mountPath: /etc/sluice, readOnly: true }
{{- end }}

{{- define "sluice.sidecar.volume" -}}
name: sluice-config
configMap: { name: {{ required "sluice.sidecar.configMap is required: the ConfigMap with sluice.yaml" .Subcharts.sluice.Values.sidecar.configMap }} }
{{- end }}
