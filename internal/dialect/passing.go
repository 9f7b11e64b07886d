package dialect

import (
	"net/http"
	"slices"
)

// passes reports whether a conflict ends by itself: another request is at work on the same
// thing. The evidence is what the answer says, the scope this answer. Words are no proof
// that nothing was done, so only a request that may be repeated is: RetryPolicy tells
// which ones may.
func (r *reader) passes(c Class) bool {
	if c != Conflict || !slices.Contains(ofConflicts, r.status) {
		return false
	}
	text := r.text()
	if tables().passing.heard(text, r.status) == "" {
		return false
	}
	return saysAny(text, ofLeaving) || !saysAny(text, ofStaying)
}

// ofConflicts are the statuses with which conflicts are told that end by themselves.
var ofConflicts = []int{http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusLocked}

// ofStaying is said of what stays as it is until the caller asks for something else.
var ofStaying = []string{
	"already exist", "already exists", "already taken", "already in use", "already registered", "already been", "being used", "in use by",
	"different", "another name", "choose", "your changes", "latest version", "please refresh", "refresh the", "refresh and", "reload", "rebase",
	"merge conflict", "completed", "must be stopped", "to approve", "approval", "approved", "has accepted", "to accept", "review",
	"read modify write", "your identity provider", "contact", "help desk", "administrator",
	"account is locked", "first stop", "stop it",
	"delete it",
}

// ofLeaving is said of a thing that is being removed. It stands in the way until it is gone.
var ofLeaving = []string{"being deleted", "is being removed", "is being torn down", "is terminating", "try the merge again"}

// passingConflicts are phrases for work that another request does at the moment.
var passingConflicts = slices.Concat(
	cross([]string{"ongoing", "pending", "concurrent", "parallel"}, []string{
		"operation", "deployment", "build", "update", "job", "task", "transaction", "process", "migration", "export", "import", "run", "sync", "backup",
		"upload", "query", "write", "modification", "call", "action", "generation", "upgrade",
	}),
	joined([]string{"previous", "conflicting", "concurrent"}, []string{
		"operation", "request is still", "request has not", "requests", "deployment", "build", "update", "job", "task", "transaction",
	}),
	cross([]string{"still", "currently", "is being", "are being", "now being", "still being", "currently being"}, []string{
		"in progress", "processing", "processed", "provisioning", "provisioned", "creating", "created", "updating", "updated", "modifying",
		"modified", "building", "built", "rebuilt", "generating", "generated", "deploying", "deployed", "starting", "stopping", "initializing",
		"migrated", "migrating", "restored", "imported", "exported", "synced", "syncing", "indexing", "indexed", "moved", "resized", "locked",
		"executing", "pending", "underway", "uploading", "uploaded", "transcoded", "prepared", "loading", "deleted", "removed", "calculated", "recalculated", "computed",
	}),
	cross([]string{"already"}, []string{"in progress", "processing", "provisioning", "updating", "deploying", "executing", "underway", "being"}),
	cross([]string{
		"build", "export", "import", "job", "task", "sync", "migration", "deployment", "backup", "scan", "pipeline", "query", "operation", "process",
		"update",
	}, []string{"already running", "is running", "is still running", "are running"}),
	ofBusy,
	[]string{
		"another*in progress", "another*is running", "another*is pending", "another*is under", "another*is active", "another*is executing",
		"another*is processing", "another*already running", "another*ongoing", "not in an active state", "not ready for", "you must wait",
		"is being deprovisioned", "deprovisioning state", "too much contention", "wait until the container",
		"transaction is ongoing", "was modified. review and try", "is restarting", "another operation", "another deployment", "existing operation",
		"still running", "in progress", "not finished", "not yet finished", "not completed yet", "not yet complete", "hasn't finished",
		"hasn't completed", "not ready yet", "is not ready", "isn't ready", "not yet ready", "lock is held", "locked by another",
		"lock held by", "could not acquire", "failed to acquire", "unable to acquire", "cannot acquire", "unable to lock", "could not obtain lock",
		"filelocked", "server is locked", "resource is locked", "in task_state", "database is locked",
		"please wait", "wait for the previous", "wait until it", "wait a moment", "please retry", "retry later", "try later", "should be retried", "can be retried",
		"conflict, retry", "and retry the transaction", "optimistic lock", "optimisticlock", "stale object", "updated or deleted by another",
		"write conflict", "writeconflict",
		"deadlock", "transaction conflict", "not serializable", "provisioning state", "is being torn down", "is terminating", "updating state",
		"pending state", "transitioning", "transitional state", "in transition",
		"not in a stable state", "incorrectstate", "concurrent access", "concurrently", "simultaneous update", "momentarily",
		"正在", "还在", "请稍后", "稍后再试", "处理中", "执行中", "进行中", "生成中", "処理中", "実行中", "진행 중", "처리 중", "wird gerade", "läuft bereits", "en curso", "en proceso",
		"em andamento", "em processamento", "en cours", "выполняется", "обрабатывается",
	},
)
