{{/* The container of Sluice, the same for gateway and sidecar. Arguments: values, image, resources, volume, port (its name). */}}
{{- define "sluice.container" -}}
name: sluice
image: {{ .image }}
imagePullPolicy: {{ .values.image.pullPolicy }}
args: [run, --config, /etc/sluice/sluice.yaml]
{{- with .values.envFromSecrets }}
envFrom:
  {{- range . }}
  - secretRef: { name: {{ . | quote }} }
  {{- end }}
{{- end }}
ports:
  - { name: {{ .port }}, containerPort: {{ .values.ports.http }} }
  - { name: health, containerPort: {{ .values.ports.health }} }
startupProbe:
  httpGet: { path: {{ .startup }}, port: health }
  periodSeconds: 1
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /livez, port: health }
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 3
readinessProbe:
  httpGet: { path: /readyz, port: health }
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 1
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
resources:
  {{- toYaml .resources | nindent 2 }}
{{- end }}
