{{/* All of these take the root context; what they read lies below .Values.secretfetch: image, config, sidecar, period, env. */}}

{{/* A document of its own: the ConfigMap with the config. */}}
{{- define "secretfetch.configMap" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-secretfetch
data:
  config.yaml: |
    {{- toYaml .Values.secretfetch.config | nindent 4 }}
{{- end }}

{{/* For the pod template: a new config is a new rollout. */}}
{{- define "secretfetch.annotations" -}}
secretfetch/config: {{ toYaml .Values.secretfetch.config | sha256sum | trunc 16 | quote }}
{{- end }}

{{/* One item of initContainers. */}}
{{- define "secretfetch.container" -}}
- name: secrets
  image: {{ .Values.secretfetch.image | default (printf "secretfetch:%s" .Chart.AppVersion) }}
  {{- if .Values.secretfetch.sidecar }}
  args: [watch, {{ printf "--period=%s" (.Values.secretfetch.period | default "5m") }}, "--http-bind=:9180"]
  restartPolicy: Always
  startupProbe:
    httpGet: {path: /readyz, port: 9180}
    periodSeconds: 1
    failureThreshold: 330
  {{- else }}
  args: [fetch]
  {{- end }}
  {{- with .Values.secretfetch.env }}
  env:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities: {drop: [ALL]}
    seccompProfile: {type: RuntimeDefault}
  volumeMounts:
    - {name: secretfetch-config, mountPath: /etc/secretfetch, readOnly: true}
    - {name: secrets, mountPath: /secrets}
{{- end }}

{{/* Two items of volumes. The pod's securityContext needs fsGroup: 65532. */}}
{{- define "secretfetch.volumes" -}}
- name: secretfetch-config
  configMap: {name: {{ .Release.Name }}-secretfetch}
- name: secrets
  emptyDir: {medium: Memory, sizeLimit: 4Mi}
{{- end }}

{{/* One item of volumeMounts, for each container that reads the files. */}}
{{- define "secretfetch.mount" -}}
- {name: secrets, mountPath: /secrets, readOnly: true}
{{- end }}
