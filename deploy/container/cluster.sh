# cluster.sh — what setup and keys know of the API server. Sourced, with bash's -euo pipefail; speaks with the account's own token.
account=${ACCOUNT_FOLDER:-/var/run/secrets/kubernetes.io/serviceaccount}
namespace=$(cat "$account/namespace")
host=$KUBERNETES_SERVICE_HOST
case $host in *:*) host=[$host] ;; esac
api=https://$host:$KUBERNETES_SERVICE_PORT
# Keys are never on a disk on their way: the pods that run this have their /tmp in memory.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 077

die() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}
# call METHOD PATH [TYPE < BODY]: prints the answer's status; the answer itself may hold keys and is never printed. No argument holds a secret.
call() {
	local arguments=()
	[ $# -lt 3 ] || arguments=(-H "Content-Type: $3" --data-binary @-)
	{ printf 'header = "Authorization: Bearer %s"\n' "$(cat "$account/token")"; } >"$work/curl"
	curl -s -K "$work/curl" --cacert "$account/ca.crt" --noproxy '*' --max-time 30 -o "$work/answer" -w '%{http_code}' -X "$1" "${arguments[@]}" "$api$2"
}
secret_path() { echo "/api/v1/namespaces/$namespace/secrets/$1"; }
# answer_text NAME: the text of a member of the last answer, where it has one of this name.
answer_text() { sed -n "s/.*\"${1//./\\.}\": *\"\([^\"]*\)\".*/\1/p" "$work/answer" | head -n 1; }
