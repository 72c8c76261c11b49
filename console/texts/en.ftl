# All texts of the console, in the order of the pages. Syntax: https://projectfluent.org

product = Sluice

## Layout

skip-to-content = Skip to the content
nav-label = Pages
nav-flags = Feature flags
nav-tenants = Tenants
nav-rollouts = Rollouts
nav-explain = Explain
nav-requests = Requests
nav-shadow = Shadow mode
nav-nodes = Nodes
nav-health = Health
nav-audit = Audit log
nav-org = Your features
signed-in-as = Signed in as
sign-out = Sign out
local-banner = No operators are configured: every caller on this machine is a platform admin.
pages-label = Pages of the list
pages-previous = Previous
pages-next = Next
pages-of = Page { $n } of { $m }
list-unlisted = The first { $n } of { $m }.
list-more = { $n } more

## Sign-in

sign-in-title = Sign in
sign-in-token = Operator token
sign-in-button = Sign in
sign-in-at = Sign in at { $name }
sign-in-or-token = Or with a token
sign-in-help = A platform admin makes a token with
sign-in-signed-out = You are signed out.
sign-in-session-ended = Your session has ended, and nothing was changed. Sign in, then go back and send the form again.
unavailable-title = Sluice is being upgraded
unavailable-reloads = This page loads itself again in a second.
unavailable-repeat = Nothing was changed. Go back, and send the form again in a second.
reopen-title = Opening the page
reopen-link = Open the page
sessions-title = Sessions
sessions-intro = The people who are signed in at this console. A session ends after 8 hours, with its credential, when its role changes, and when it is ended here.
sessions-operator = Operator
sessions-role = Role
sessions-since = Since
sessions-until = Until
sessions-end = End
sessions-end-of = End the session of { $name }
sessions-end-all = End all sessions

## Keyboard

keys-button = Shortcuts
keys-title = Keyboard shortcuts
keys-search = Search
keys-kill = Kill the flag of the page
keys-help = Show the shortcuts

## Problems and receipts

problem-title = This did not work
missing-title = There is no such page
missing-back = To the first page
receipt-label = Receipt of the change
receipt-unchanged = Nothing to change:
receipt-revision = Revision { $n },
receipt-here = in force
receipt-nodes = in force on { $n } of { $m } { $m ->
    [one] node
   *[other] nodes
  }
receipt-ms = after { $n } ms.
receipt-saved = Saved.
refusal-when = Possible from
help-tenant-not-found = Check the spelling, or create the tenant: “sluice tenants set ID --new”.
help-flag-not-found = Check the spelling.
help-blast-radius = Check the preview, and tick the box beside the button.
help-rollout-running = Wait until the plan ends, or cancel it.
help-skip-conditions = Wait, or tick “even if the conditions of the stage are not met” beside “Advance” on the Rollout page.
place-tenants = All tenants
place-flags = All flags
place-sign-offs = Sign-offs of the flag
place-flag-tenants = Tenants of the flag
place-rollout = Rollout of the flag
field-invalid = “{ $name }” is missing, or not as it should be
problem-at-line = Line { $name }: { $to }
form-too-many-fields = The form has more than { $n } fields
form-too-large = The form is longer than { $n } KiB
form-too-large-to-show = The form is longer than { $n } KiB, with the escapes of a page that shows it again
address-too-long = The address of the page is too long
form-too-large-help = Set a longer rollout plan with sluice rollout plan FLAG -f FILE, and longer lists of tenants with sluice tenants import.

## Changes

change-title = Change
change-kill = Kill { $name }
change-kill-reason = Add the reason for the kill of { $name }
change-restore = Restore { $name }
change-state = Move { $name } to { $to }
change-tiers = Set tier defaults of { $name }
change-sign-off = Sign off { $name } for { $to }
change-override = Override { $name } to { $variant } for { $to }
change-remove-override = Remove the override of { $name } for { $to }
change-retire = Retire { $name }
change-allow = Add { $to } to the beta allowlist of { $name }
change-disallow = Remove { $to } from the beta allowlist of { $name }
change-rollout-plan = Set the rollout plan of { $name }
change-rollout-remove-plan = Remove the rollout plan of { $name }
change-rollout-approve = Approve the plan of { $name } for { $to }
change-rollout-check = Check off “{ $to }” of { $name }
change-rollout-uncheck = Open “{ $to }” of { $name } again
change-rollout-start = Start the rollout of { $name }
change-rollout-pause = Pause the rollout of { $name }
change-rollout-resume = Resume the rollout of { $name }
change-rollout-advance = Advance the rollout of { $name }
change-rollout-skip = Advance the rollout of { $name } without its conditions
change-rollout-rollback = Roll back { $name }
change-rollout-cancel = Cancel the rollout of { $name }
change-rollout-tick = Run the checks of { $name }
document-label = Plan, in YAML or JSON
change-opt-in = Turn on “{ $name }”
change-opt-out = Turn off “{ $name }”
change-report = Report a problem with “{ $name }”
done-kill = Killed { $name }
done-kill-reason = Added the reason for the kill of { $name }
done-restore = Restored { $name }
done-state = Moved { $name } to { $to }
done-retire = Retired { $name }
done-tiers = Set tier defaults of { $name }
done-sign-off = Signed off { $name } for { $to }
done-override = Overrode { $name } to { $variant } for { $to }
done-remove-override = Removed the override of { $name } for { $to }
done-allow = Added { $to } to the beta allowlist of { $name }
done-disallow = Removed { $to } from the beta allowlist of { $name }
done-rollout-plan = Set the rollout plan of { $name }
done-rollout-remove-plan = Removed the rollout plan of { $name }
done-rollout-approve = Approved the plan of { $name } for { $to }
done-rollout-check = Checked off “{ $to }” of { $name }
done-rollout-uncheck = Opened “{ $to }” of { $name } again
done-rollout-start = Started the rollout of { $name }
done-rollout-pause = Paused the rollout of { $name }
done-rollout-resume = Resumed the rollout of { $name }
done-rollout-advance = Advanced the rollout of { $name }
done-rollout-skip = Advanced the rollout of { $name } without its conditions
done-rollout-rollback = Rolled back { $name }
done-rollout-cancel = Cancelled the rollout of { $name }
done-rollout-tick = Looked at the checks of { $name }
done-opt-in = Turned on “{ $name }”
done-opt-out = Turned off “{ $name }”
done-report = Reported a problem with “{ $name }”
done-record = Changed the record of { $name }
done-open-incident = Opened incident of { $name }: { $to }
done-close-incident = Closed incident of { $name }: { $to }
undo-allow = Remove { $name } again
undo-disallow = Add { $name } again
the-tenants = { $n ->
    [one] one tenant
   *[other] the { $n } tenants
  }
stale-title = Others changed this since you loaded the page
stale-lead = Nothing is applied yet. These are the values now; yours are below. Correct yours, or preview them again to replace those of the others.
meanwhile-title = Others changed something since your preview
meanwhile-unlisted = { $n ->
    [one] One more change is not listed.
   *[other] { $n } more changes are not listed.
}
meanwhile-log = See the audit log
meanwhile-lead = Nothing of yours was applied. Read what they did, check the new preview, and confirm again.
refused-title = Refused, nothing was changed
preview-title = { $n } of { $m } { $m ->
    [one] tenant
   *[other] tenants
  } { $n ->
    [one] changes
   *[other] change
  }
preview-nothing = Nothing to change.
preview-pilots = { $n ->
    [one] One tenant joins the allowlist. What it is served stays the same.
   *[other] { $n } tenants join the allowlist. What they are served stays the same.
  }
preview-before-beta = The allowlist has an effect at beta.
preview-channel = Not eligible at beta without the channel latest:
preview-maybe = { $n ->
    [one] One further tenant may change for some users or requests: that depends on data that only a request has.
   *[other] { $n } further tenants may change for some users or requests: that depends on data that only a request has.
  }
preview-not-evaluated = { $n } decisions were not evaluated, because there are too many.
preview-unlisted = { $n ->
    [one] One more decision changes.
   *[other] { $n } more decisions change.
  }
preview-unknown = Tenants without a record:
preview-share = about { $name } % of them
preview-unchanged = Tenants that do not change
preview-also-reverted = Also reverted, because they require it:
preview-skipped = Conditions that are skipped:
preview-tiers-off = Stays off for the tiers
preview-no-effect = Override without effect:
tenants = { $n ->
    [one] one tenant
   *[other] { $n } tenants
  }
reason-label = Reason (optional)
reason-follows = Reason
button-add-reason = Add the reason
reason-hint = for the audit log: a sentence, a ticket
force-label = Yes, change { $n } of { $m } tenants at once
no-variant = none
column-tenant = Tenant
column-flag = Flag
column-change = Change
column-why = Why

## Buttons

button-close = Close
button-back = Back
button-try-again = Try again
button-preview-again = Preview again
button-cancel = Cancel
button-kill = Kill
button-restore = Restore
button-allow = Add to the allowlist
button-search = Search
button-preview = Preview
button-rollout-approve = Approve
button-rollout-check = Check off
button-rollout-uncheck = Open again
button-rollout-start = Start
button-rollout-pause = Pause
button-rollout-resume = Resume
button-rollout-advance = Advance
button-rollout-rollback = Roll back
button-rollout-cancel = Cancel the plan
button-rollout-tick = Run the checks now
button-rollout-remove = Remove the plan

## States

state-killed = killed
state-on = on
state-none = no lifecycle
tag-stale = stale
tag-incident = incident
tag-reports = reports

## Charts

chart-no-requests = No requests
chart-requests = { $n ->
    [one] one request
   *[other] { $n } requests
  }
chart-sparkline = { $n ->
    [one] one request
   *[other] { $n } requests
  }, { $m } errors while the flag was on

## The list of flags

flags-title = Feature flags
flags-count = { $n ->
    [one] one flag
   *[other] { $n } flags
  }
flags-search = Search in keys, descriptions and owners
flags-state = State
flags-state-any = any
flags-state-alpha = alpha
flags-state-beta = beta
flags-state-ga = ga
flags-state-retired = retired
flags-state-none = no lifecycle
flags-state-killed = killed
flags-state-stale = stale
flags-owner = Owner
flags-sort = Order
flags-sort-key = by key
flags-sort-changed = last changed first
flags-sort-lifecycle = by state
flags-none-title = There are no flags yet
flags-none-lead = Write the first ones into a flags document, and apply it:
flags-behind-last = This page is behind the last one of { $n ->
    [one] one flag
   *[other] { $n } flags
  }.
flags-no-match = No flag matches.
flags-no-match-of = No flag matches “{ $name }”.
flags-show-all = Show all flags
flags-on = { $n } of { $m }
flags-opted-in = { $n } opted in
flags-counting = counting
column-state = State
column-tenants-on = On for
column-opted-in = Opted in
column-owner = Owner
column-changed = Last change
column-actions = Actions

## The pages of a flag

tabs-label = Pages of the flag
tab-overview = Overview
tab-tiers = Tier defaults
tab-tenants = Tenants
tab-rollout = Rollout
tab-definition = Definition
tab-audit = Audit log
kill-title = Kill
kill-lead = The flag is off for every tenant at once. Restore undoes it.
kill-reason = Reason (may follow)
button-kill-now = Kill now
flag-facts = Facts
flag-opted-out = Opted out
flag-allowlisted = On the beta allowlist
flag-overridden = Overridden

## Tier defaults

tiers-lead = The variant for a tier, if no override, opt-in, lifecycle or rollout decides first.
tiers-eligible = At { $name } only eligible tenants get it.
tiers-none-title = There are no tiers
tiers-none-lead = Name them in the flags document, and apply it:
tiers-of = Default for { $name }
tiers-no-default = no default
column-tier = Tier
column-tenants = Tenants
column-default = Default

## The tenants of a flag

tenants-change = Change several tenants
tenants-ids = Tenants, one per line
tenants-override = Override to
tenants-choose = choose
tenants-search = Search in ids
tenants-on-filter = Served
tenants-standing = Choice
tenants-none-title = There are no tenants yet
tenants-none-lead = Import their records:
tenants-no-match = No tenant matches.
tenants-no-match-of = No tenant matches “{ $name }”.
tenants-show-all = Show all tenants
tenants-too-many = At most { $n } tenants can be changed at once here. For more, use sluice tenants import.
tenants-allow = Add to the allowlist: { $name }
tenants-disallow = Remove from the allowlist: { $name }
tenants-remove-override = Remove the override for { $name }
tenants-override-of = Variant of the override for { $name }
tenants-override-on = Override to on for { $name }
tenants-override-off = Override to off for { $name }
standing-allowlisted = Beta allowlist
standing-overridden = Overridden
standing-opted_in = Opted in
standing-opted_out = Opted out
standing-override-to = override { $name }
column-served = Served
column-standing = Choice
tag-internal = internal
filter-any = any
button-disallow = Remove from the allowlist
button-override = Override
button-override-on = Override to on
button-override-off = Override to off
button-remove-override = Remove the override
state-off = off
pages-first = First page
change-record = Change the record of { $name }

## Causes of decisions

cause-unknown_flag = there is no such flag
cause-retired = the flag is retired
cause-killed = the flag is killed
cause-schedule = outside of its schedule
cause-prerequisite = a required flag is off
cause-override = an override
cause-opt_out = the tenant opted out
cause-opt_in = the tenant opted in
cause-lifecycle = not eligible at the state of the flag
cause-rule = a rule
cause-rollout = inside the rollout
cause-held_back = outside of the rollout
cause-tier = the default of the tier
cause-default = the default of the flag
cause-breaker = a circuit breaker is open

## The definition of a flag

definition-title = Definition
definition-place = Defined at
definition-stored = Kept in the store.
definition-uses = What it uses
definition-requires = Requires
definition-is = must serve { $name }
definition-segments = Segments
definition-used = Where it is used
definition-routes = Routes of this node
definition-no-routes = No route has it in its gate.
definition-headers = Headers
definition-required-by = Flags that require it
definition-nothing = none
definition-shown = { $n } of { $m } are shown.
definition-cut = The definition is longer. All of it:
header-all = lists all flags that are on
header-listed = lists it by name
header-route = lists the flags of the route
header-own = has its variant alone
column-route = Route
column-matches = Requests
column-gate = Gate
column-place = Place
tag-shadow = shadow mode
tag-variants = selects the upstream
tag-observed = observes

## A tenant

tenant-record = Record
tenant-own-page = The tenant’s own page
tenant-attributes = Attributes
tenant-attributes-hint = One per line: name: value. A name with a colon is in quotes. A value is a text, a number, true, false or a list in JSON.
tenant-flags = Flags
tenant-search = Search in keys
column-channel = Channel
## Explanations

explain-title = Explain
explain-lead = What would happen to a request, and why. Nothing is sent, nothing is counted.
explain-about = Kind of question
explain-request = A request
explain-flag = A flag
explain-invalid = The question is invalid
explain-method = Method
explain-path = Path
explain-token = Token
explain-token-note = Verified as in a request. It is neither stored nor logged, and never part of a link.
explain-tenant = Tenant
explain-tenant-instead = Tenant, instead of a token
explain-more = More: user, groups, attributes, time …
explain-user = User
explain-groups = Groups, one a line
explain-attributes = Attributes, NAME=VALUE, one a line
explain-host = Host
explain-headers = Headers, NAME: VALUE, one a line
explain-client = Address of the client
explain-listener = Listener
explain-at = At this time instead of now
explain-button = Explain
explain-target = Target
explain-sent = as sent:
explain-listener-of = Listener
explain-assumed = assumed: the first of several
explain-readings = Other readings
explain-route = Route
explain-none = none
explain-not = not
explain-other-routes = { $n ->
    [one] One route matches another host or path.
   *[other] { $n } routes match another host or path.
  }
explain-preflight = Preflight
explain-limit = Limit
explain-limit-by = by { $name }; its current use is not known here
explain-identity = Identity
explain-client-of = Client
explain-client-unknown = not known, so these attributes have no value:
explain-gate = Gate
explain-shadow = in shadow mode: not enforced
explain-unevaluated = not evaluated: the request is refused before
explain-answer = Answer
explain-upstream = Upstream
explain-not-called = not called
explain-snapshot = Snapshot
explain-from-upstream = From the upstream
explain-from-unmatched = From the upstream for unmatched requests
explain-from-fallback = From another upstream, the behaviour without the flag
explain-unknown-tenant = The tenant has no record: it is decided as an unknown tenant.
explain-empty-title = Ask a question
explain-empty-flag = Name a flag and a tenant. The command line explains the same:
explain-empty-lead = Name a path and a tenant, or paste a token. The command line explains the same:
explain-link = Link to this question
explain-link-note = The link repeats the question with the flags of that moment.
explain-by-sluice = { $name } from Sluice
explain-gate-closed = { $name } from Sluice: the gate is closed
explain-link-without = Link to this question without its secrets
explain-link-secret = A token, and fields that look like secrets, are left out.
explain-serves = serves
explain-local-kill = Killed on this machine only, until
explain-line = Step
explain-found = Found
explain-otherwise = would otherwise
explain-decides = decides
explain-would-serve = serves { $name }
gate-open = open
gate-closed = closed
gate-undecided = undecided
clause-holds = yes
clause-fails = no
clause-missing = missing
clause-found = has { $name }

## Requests

requests-title = Requests
requests-lead = The decisions of the latest refused requests, and of a sample of the others, on this node. The id is “request_id” in the answer and in the access log.
requests-kept = up to { $n } are kept
requests-id = Id of a request
requests-open = Open
requests-invalid-id = The id of a request has 32 digits, 0 to 9 and a to f.
requests-outcome = Outcome
requests-request = Request
requests-gate = Route and flags
requests-off-title = Receipts are off
requests-off-lead = This node keeps no decisions. The configuration turns them on:
requests-none-title = No request was kept yet
requests-none-lead = Send a request that is refused, and ask why by the id in its answer:
requests-no-match = No request matches.
requests-show-all = Show all requests
requests-cut = The newest { $n }. Filter for others, or open one by its id.
request-refused = Refused because { $flag } is { $variant } for { $tenant }: { $cause }
request-refused-nobody = Refused because { $flag } is { $variant } for a caller without a tenant: { $cause }
request-answered = Answered with
request-on = on
request-id = Id
request-revision = Revision { $name }
request-shortened = A part was too long to be kept, so the decision now may miss it.
request-request = Request
request-caller = Caller
request-unverified = no verified tenant
request-issuer = Issuer
request-groups = Groups
request-cause-of = Cause
request-decision = Then and now
request-not-again = Not decided again:
request-same = It would be decided the same way now.
request-differs = { $n ->
    [one] One part would differ now.
   *[other] { $n } parts would differ now.
  }
request-part = Part
request-then = Then
request-now = Now
request-differs-tag = differs
request-required = Required by a flag of the gate:
request-gate-now = The gate now:
request-explain = Explain this request now
request-upstream = of the upstream
request-not-decided = not decided
request-route = Route
request-outcome = Outcome
request-status = Status
request-gate = Gate
request-variant = variant
request-cause = cause
request-bucket = bucket
request-arm = arm

## Outcomes of requests

outcome-forwarded = forwarded
outcome-fallback = sent to the other upstream
outcome-rejected = refused
outcome-redirected = redirected
outcome-shadowed = forwarded in shadow mode
outcome-undecided = not decided
outcome-unauthenticated = not authenticated
outcome-forbidden = forbidden
outcome-limited = over a limit
outcome-unmatched = no route
outcome-bad_request = invalid request
outcome-upstream_error = error of the upstream
outcome-client_error = error of the client
outcome-shed = ended for others
outcome-aborted = ended with the process
outcome-panicked = defect of Sluice

## Shadow mode and coverage

shadow-title = Shadow mode
shadow-lead = Gates that decide and do not refuse yet: who would be refused if they did. Counted by this node.
shadow-none-title = No gate is in shadow mode
shadow-none-lead = Give a route the mode “shadow” to see who its gate would refuse, before anyone is:
shadow-no-requests = No request yet.
shadow-since = since
shadow-refused = Would have refused { $n } of { $m } { $m ->
    [one] request
   *[other] requests
  }
shadow-first = First
shadow-last = last
shadow-by-cause = By cause
shadow-by-tenant = By tenant
shadow-cause = Cause
shadow-requests = Requests
shadow-caller = the caller
shadow-no-tenant = no tenant
shadow-error = up to { $n } too many
shadow-undivided = { $n ->
    [one] One request is in no row: it arrived together with another one.
   *[other] { $n } requests are in no row: they arrived together with others.
  }
shadow-coverage = Coverage
shadow-coverage-lead = What is open without a gate, and what no request used.
shadow-ungated = Routes with requests and without a gate
shadow-unmatched = { $n ->
    [0] No request was without a route
    [one] One request matched no route
   *[other] { $n } requests matched no route
  }
shadow-idle-gates = Gates that decided no request
shadow-refused-before = Refused before
shadow-idle-flags = Flags that decided no request
shadow-idle-routes = no request was decided by { $name }
shadow-idle-header = in no gate, only in a header
shadow-idle-nowhere = in no gate and no header
shadow-not-running = The proxy is not running yet, so nothing is counted. The command line has the same report:

## The page of an org

org-title = Your features
org-title-staff = Features of a tenant
org-of = of
org-open = Open the page of a tenant, by its id
org-lead = What your organization has, and what it can try.
org-on = On
org-off = Off
org-turn-on = Turn on
org-turn-off = Turn off
org-report = Report a problem
org-chosen = Turned on by your organization
org-declined = Turned off by your organization
org-testing-since = In testing
org-available = Available
org-at = on
org-since = since
org-not-available = Not available at the moment.
org-without-effect = This choice has no effect at the moment.
org-name = Id:
org-first = First features
org-none-title = There is nothing to choose yet
org-none-lead = New features appear here as soon as your organization can try them.
org-effect = What happens
org-will-be-on = “{ $name }” will be on for your organization.
org-will-be-off = “{ $name }” will be off for your organization.
org-will-be = “{ $name }” will change to “{ $to }” for your organization.
org-stays-on = “{ $name }” stays on for now. We will save your choice.
org-stays-off = “{ $name }” stays off for now. We will save your choice.
org-refused = This did not work
org-closed = This feature can’t be turned on by your organization yet. Ask us to join the test.
org-no-feature = This feature is not available.
org-no-record = Your organization is not set up yet. Ask us to do it.
org-no-permission = You may not do this for this organization.
org-too-many-reports = You reported enough problems with this feature. We are working on them.
org-too-fast = That was too much at once. Try again in a minute.
org-meanwhile = The latest changes of this feature
org-meanwhile-on = Turned on by { $name }
org-meanwhile-off = Turned off by { $name }
org-meanwhile-other = Changed by us
org-changed-meanwhile = Something was changed meanwhile. Check it, and confirm again.
org-invalid-cause = Describe the problem in a few words: 1 to 100 characters on one line.
org-invalid-ticket = A ticket has at most 100 characters on one line.
org-invalid-text = The description is too long or unreadable: it has at most 1,000 characters.
org-not-possible = This is not possible at the moment. Try again later.
org-send = Send
org-report-lead = Write what does not work. The feature stays as it is; you can turn it off at any time.
org-report-cause = What does not work, in a few words
org-report-cause-note = Reports with the same words count together.
org-report-text = Description
org-report-ticket = Your ticket, if there is one

## Differences of audit entries

record-head = Document
record-segment = Segment { $name }
record-flag = Flag { $name }
record-tenant = Tenant { $name }
difference-record = Record
difference-tier-of = Default of the tier { $name }
difference-override-of = Override of { $name }
difference-beta = Beta allowlist
difference-channel = Channel
difference-default = Default
difference-enabled = Enabled
difference-incidents = Incidents
difference-lifecycle = State
difference-opt-in = Opted in
difference-opt-out = Opted out
difference-overrides = Overrides
difference-plan = Rollout plan
difference-plan-state = State of the rollout plan
difference-percentage-of = Percentage of stage { $name }
difference-reports = Reports
difference-rollout = Rollout
difference-sign-offs = Sign-offs
difference-tier = Tier
difference-tiers = Tier defaults
difference-watch = Watched after the promotion
difference-order = another order
difference-removed = removed
difference-added = added
value-on = on
value-off = off

## The audit log

audit-title = Audit log
audit-flag = Flag
audit-tenant = Tenant
audit-actor = Actor
audit-action = Action
audit-any = any
audit-from = From (UTC)
audit-until = Until (UTC)
audit-invalid-time = “{ $name }” is not a time: write 2026-11-30T15:04
audit-none-title = Nothing was changed yet
audit-none-lead = Each change of a flag or tenant becomes an entry here. Make the first one, and read it on the command line too:
audit-no-match = No entry matches.
audit-show-all = Show all entries
audit-when = When
audit-who = Who
audit-what = What
audit-difference = Difference and reason
audit-number = No. { $n }
audit-altered = altered
audit-text = Text of the entry
audit-by = by { $name }
audit-refused = refused
audit-urgent = urgent
audit-decided-by = Urgent promotion, decided by
audit-unlisted = { $n ->
    [one] One more field changed: the export has it.
   *[other] { $n } more fields changed: the export has them.
  }
audit-details = Details
audit-revision = Revision
audit-request = Request
audit-name = Name of the action
audit-hash = SHA-256
audit-newest = Newest entries
audit-older = Older entries
audit-verify = Verify the chain
audit-verify-lead = The verification computes the hash of every entry again, and checks the whole store. It may take minutes. The export has the whole log, whatever is filtered here.
audit-export = Export the whole log
audit-verification = Verification of the audit log
audit-intact = { $n ->
    [0] Intact: the log has no entry yet
    [one] Intact: the one entry is present and unaltered
   *[other] Intact: all { $n } entries are present and unaltered
  }
audit-not-intact = Not intact
audit-verified-until = { $n ->
    [0] No entry is verified.
    [one] The first entry is verified.
   *[other] The first { $n } entries are verified.
  }
audit-head = Head of the log
audit-head-lead = Keep it elsewhere: “sluice audit verify --head” proves with it that the log was not shortened since.
audit-clock-ran-back = The clock of the machine ran back before
action-feature-flag-state-changed = Moved a flag
action-feature-flag-killed = Killed a flag
action-feature-flag-restored = Restored a flag
action-feature-flag-tiers-changed = Set tier defaults
action-feature-flag-rollout-changed = Changed a percentage
action-feature-flag-plan-set = Set a rollout plan
action-feature-flag-plan-removed = Removed a rollout plan
action-feature-flag-plan-approved = Approved a rollout plan
action-feature-flag-plan-item-checked = Checked an item of a plan
action-feature-flag-rollout-started = Started a rollout
action-feature-flag-rollout-paused = Paused a rollout
action-feature-flag-rollout-resumed = Resumed a rollout
action-feature-flag-rollout-stage-entered = Entered a stage
action-feature-flag-rollout-rolled-back = Rolled back a rollout
action-feature-flag-rollout-cancelled = Cancelled a rollout
action-feature-flag-rollout-completed = Completed a rollout
action-feature-flag-enabled = Override: on
action-feature-flag-disabled = Override: off
action-feature-flag-override-removed = Removed an override
action-feature-flag-beta-allowed = Allowed at beta
action-feature-flag-beta-disallowed = Removed from the beta allowlist
action-feature-flag-opted-in = Opted in
action-feature-flag-opted-out = Opted out
action-feature-flag-reported = Reported a problem
action-feature-flag-report-closed = Closed a report
action-org-changed = Changed a tenant
action-org-removed = Removed a tenant
action-orgs-imported = Changed several tenants
action-feature-flag-incident-opened = Opened an incident
action-feature-flag-incident-closed = Closed an incident
action-feature-flag-watch-ended = Ended a watch
action-feature-flag-stage-time-corrected = Corrected the time of a stage
action-feature-flag-signed-off = Signed off
action-document-applied = Applied a document
action-backup-taken = Took a backup
action-log-level-set = Set log levels
action-store-restored = Restored the store
action-config-changed = Changed the configuration
action-policy-changed = Changed the conditions
action-operators-changed = Changed the operators
action-sign-in-failed = Failed sign-in

## The overview of a flag

lifecycle-title = Lifecycle
lifecycle-since = since
lifecycle-next = Next step: { $name }
lifecycle-no-conditions = No conditions.
conditions-met = { $n ->
    [one] One condition is met
   *[other] { $n } conditions are met
  }
condition-met = met:
condition-unmet = not met:
promote-default = Default after the promotion
promote-default-on = On for all tenants without another cause
promote-default-tiers = Keep the tier defaults
promote-urgent = Skip the conditions
promote-urgent-lead = For an emergency. The audit log keeps who decided, the incident and the reason.
promote-decision-maker = Who decided
promote-urgent-incident = Incident that requires it
promote-urgent-reason = Reason of the decision
revert-incident = Incident to open, a text or link
button-promote = Promote to { $name }
button-retire = Retire
retire-lead = Retired: every tenant gets the final variant, which is on unless the definition names another. Tier defaults, overrides, choices and kills no longer apply.
button-sign-off = Sign off for { $name }
sign-offs-title = Sign-offs of the next step
sign-offs-none = None yet.
revert-title = Revert to an earlier state
revert-to = State
revert-cascade = also the flags that require it
button-revert = Revert
funnel-title = On for { $n } of { $m } tenants
funnel-caption = Tenants by the line of the decision that decides them
funnel-part = Part of all tenants
funnel-on = { $n } on
traffic-title = Requests of the last hour, on this node
traffic-arms = Requests by arm
traffic-none = No requests in the last hour.
column-traffic = Last hour
column-rollout = Rollout
column-arm = Arm
column-requests = Requests
column-errors = Errors
column-hour = By minute
arm-treatment = treatment
arm-control = control
arm-opted_in = opted in
flag-created = Created
flag-local-kill = Killed on this machine
flag-watched = Watched until
flag-reports = Reported problems
flag-report-blocks = blocks promotions
incidents-title = Incidents
incidents-none = No open incident.
incident-label = Incident, a text or link
button-open-incident = Open incident
button-close-incident = close
change-open-incident = Open incident of { $name }: { $to }
change-close-incident = Close incident of { $name }: { $to }

## Nodes and health

column-node = Node
column-revision = Revision
column-version = Version
column-listeners = Listeners
column-started = Started
nodes-this = this node
nodes-lags = another revision
node-ready = ready
node-starting = starting
node-degraded = degraded
node-draining = draining
health-damage = The store is damaged
health-checks = Readiness
health-node = Node
health-host = Host
health-flags = Flags from
health-verified = Flags verified
health-reload = Last reload of the documents
health-problems = { $n ->
    [one] 1 error
   *[other] { $n } errors
  }, { $m ->
    [one] 1 warning
   *[other] { $m } warnings
  }
health-more-problems = { $n ->
    [one] One more problem.
   *[other] { $n } more problems.
} All of them:
health-last-accepted = In force: the documents of
health-needs-restart = Active after a restart:
health-keys = Keys of issuers
health-no-issuers = No issuer has keys that are fetched.
health-upstreams = Upstreams
health-endpoints-shown = { $n } of { $m } endpoints are shown; those that are not healthy come first.
reload-accepted = accepted
reload-unchanged = unchanged
reload-rejected = refused
flags-from-files = files
flags-from-store = the store
flags-from-last_good = the last good document
column-issuer = Issuer
column-keys = Keys
column-fetched = Fetched
column-upstream = Upstream
column-endpoint = Endpoint
column-in-flight = In flight
keys-local = local keys
keys-failing = failing since
endpoint-fit = healthy
endpoint-ejected = ejected
endpoint-unhealthy = unhealthy
## Rollouts

rollouts-title = Rollouts
rollouts-none-title = No flag has a rollout plan
rollouts-none-lead = A plan takes a flag from a few tenants to everyone, in stages that watch errors and latencies. Set one:
rollouts-no-more = There are no more plans.
column-stage = Stage
column-left = Time left
column-status = Status
stages = { $n ->
    [one] one stage
   *[other] { $n } stages
  }
stage-of = stage { $n } of { $m }
stage-next = next:
stage-left = { $name } left
stage-over = its time of { $name } is over
plan-draft = draft
plan-approved = approved
plan-running = running
plan-paused = paused
plan-rolled_back = rolled back
plan-cancelled = cancelled
plan-completed = completed
halt-paused = Paused
halt-cancelled = Cancelled
halt-rolled_back = Rolled back
halt-to-zero = Rolled back to 0 %
halt-to-previous = Rolled back to the stage before
halt-to-kill = Rolled back, and the flag killed,
halt-check = by the check
halt-kill = by a kill of the flag, by
halt-lifecycle = by a change of the lifecycle, by
halt-by = by

## The rollout of a flag

rollout-none-title = This flag has no rollout plan
rollout-none-lead = A plan takes the flag from a few tenants to everyone, in stages. It changes nothing until you start it. Set it one day before the start: the checks compare each tenant with its own requests from before the start.
rollout-template = Template:
rollout-stages = Stages of the plan
stage-done = done
stage-now = now
stage-held = on hold
stage-rolled-back = rolled back
stage-to-come = to come
stage-lifecycle = moves to { $name }
stage-manual = advances by hand
stage-no-control = no control arm
rollout-waits = Waits for
rollout-no-wait = Every condition is met: the plan advances within ten seconds.
rollout-operate = Operate
rollout-skip = even if the conditions of the stage are not met
rollback-to = Effect of the rollback
rollback-as-planned = as planned: { $name }
rollback-kill = kill the flag
rollback-exposure = to 0 %
rollback-previous = to the stage before
rollout-confounded = Another plan is on the same routes, so a difference may be due to either:
rollout-confounded-share = both treat { $name } of the requests.
rollout-checks = Checks of the stage
column-check = Check
column-verdict = Verdict
column-way = Value and limit
column-evidence = Evidence of harm
metric-error_rate = share of errors
metric-p50 = median latency
metric-p95 = p95 latency
metric-p99 = p99 latency
metric-prometheus = Prometheus
metric-reports = reports from people
then-notify = then notify
then-pause = then pause
then-rollback = then roll back
verdict-pass = passes
verdict-fail = fails
verdict-inconclusive = inconclusive
verdict-not-applicable = does not apply
check-since = since { $name }
check-no-value = not measured
check-bound = limit { $name }
check-evidence = { $name } of { $to }
checks-evidence-note = The evidence of harm begins at 1. A check fails when it reaches the second number.
check-sample = of { $n } requests, { $m } in control
rollout-arms = Both arms
range-label = Time span of the charts
range-1h = 1 hour
range-6h = 6 hours
range-24h = 24 hours
rollout-errors-chart = Share of errors
rollout-latency-chart = 95th percentile of the time to the response
legend-band = The band is a 95 % interval.
arm-other = others
arm-excluded = in neither arm
column-rate = Share of errors, with its interval
column-time = Time (UTC)
ratio-subjects = Subjects: { $n } in treatment, { $m } in control;
ratio-expected = { $name } are expected in treatment.
ratio-mismatch = Not as expected: something else moves subjects, so comparisons are inconclusive.
ratio-fits = As expected.
ratio-few = Too few to be tested.
rollout-uncounted = { $n ->
    [one] One count is left out:
   *[other] { $n } counts are left out:
  } late, wrong in their sums, or of tenants that changed their arm.
rollout-looked = The checks consider requests from { $name } to { $to }.
rollout-tenants = Tenants with the most errors
rollout-no-tenant = without a tenant
rollout-up-to = up to
rollout-numbers = The numbers of the charts
numbers-requests-treatment = Treatment: requests
numbers-errors-treatment = errors
numbers-p95-treatment = p95
numbers-requests-control = Control: requests
numbers-errors-control = errors
numbers-p95-control = p95
rollout-approvals = Approvals
rollout-checklist = Checklist
rollout-course = History
rollout-course-rest = All of them are in the audit log.
column-event = Event
column-by = By
turn-set = plan set
turn-edited = plan edited
turn-approved = approved for
turn-started = started
turn-stage_entered = stage entered
turn-paused = paused
turn-resumed = resumed
turn-rolled_back = rolled back
turn-cancelled = cancelled
turn-completed = completed
turn-stage = stage { $name }
rollout-plan = The plan
rollout-plan-long = This plan is too long for the page. Edit its file, and set it with sluice rollout plan FLAG -f FILE.
rollout-edit-lead = Stages that were not entered yet can be edited. An edit withdraws the approvals.
