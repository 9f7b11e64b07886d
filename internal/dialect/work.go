package dialect

import (
	"net/http"
	"strings"
)

// A use is what a word in the path of a request says of the request.
type use uint8

const (
	isWork    use = 1 << iota // its answer is that of no model: it is not looked into
	handsOver                 // work goes on after the answer: sent twice, it would be done twice
	keeps                     // what is sent is kept, even if it looks like a conversation
)

// uses are by one part of a path, or by the verb behind its colon, in lower case.
var uses = map[string]use{
	"batch": isWork | handsOver, "batches": isWork | handsOver, "batchgeneratecontent": isWork | handsOver, "predictlongrunning": isWork | handsOver,
	"files": isWork | handsOver, "uploads": isWork | handsOver,
	"fine-tuning": isWork | handsOver, "fine_tuning": isWork | handsOver, "finetuning": isWork | handsOver, "fine-tune": isWork | handsOver,
	"fine-tunes": isWork | handsOver, "finetune": isWork | handsOver, "finetunes": isWork | handsOver,
	"runs": isWork | handsOver, "prediction": isWork | handsOver, "predictions": isWork | handsOver,
	"task": isWork | handsOver, "tasks": isWork | handsOver, "job": isWork | handsOver, "jobs": isWork | handsOver,
	"queue": isWork | handsOver, "submit": isWork | handsOver, "async": isWork | handsOver, "async-invoke": isWork | handsOver,

	// Volcengine's, in which a session grows: a model answers all the same.
	"context": handsOver,

	// Somebody acts, unless it is a path of a model that is known, as Mistral's.
	"agent": isWork | keeps, "agents": isWork | keeps, "workflow": keeps, "workflows": isWork | keeps,

	"assistants": keeps, "cache": keeps, "cachedcontents": keeps, "caches": keeps, "caching": keeps, "conversations": keeps, "create": keeps,
	"datasets": keeps, "evals": keeps, "evaluations": keeps, "events": keeps, "feedback": keeps, "history": keeps, "items": keeps, "logs": keeps,
	"memories": keeps, "memory": keeps, "prompts": keeps, "records": keeps, "save": keeps, "sessions": keeps, "store": keeps, "threads": keeps,
	"traces": keeps,
}

// usesOf is what all the words of a path say together.
func usesOf(path string) use {
	var all use
	for part := range strings.SplitSeq(path, "/") {
		part = strings.ToLower(part)
		name, _, _ := strings.Cut(part, ":")
		all |= uses[name] | uses[part[strings.LastIndexByte(part, ':')+1:]]
		if strings.HasPrefix(name, "video") {
			all |= isWork | handsOver
		}
	}
	return all
}

// IsWork reports whether a path's words say that work is handed over and not
// done at once, or that somebody acts: whatever its body looks like.
func IsWork(path string) bool { return usesOf(path)&isWork != 0 }

// HandsOver reports whether a request hands work over that goes on after its
// answer, as far as path and header tell: a batch, a video, a job in a queue.
// Sent twice, it would be done twice.
func HandsOver(host, path string, h http.Header) bool {
	if async := first(h, "X-Dashscope-Async"); async != "" && !strings.EqualFold(async, "disable") {
		return true
	}
	for _, prefer := range h["Prefer"] {
		if strings.Contains(strings.ToLower(prefer), "respond-async") {
			return true
		}
	}
	return strings.HasPrefix(host, "queue.") || len(path) > maxPath || usesOf(path)&handsOver != 0
}

// MayConverse reports whether a body with the shape of a conversation may be a call
// to a model although no table has its path. It is none where what is sent is kept,
// such as Gemini's cached contents, or goes to people, nor at a provider whose paths
// are known, nor at a host of hooks.
func MayConverse(host, path string) bool {
	return tables().byHost(host) == nil && !isHookHost(host) && len(path) <= maxPath && usesOf(path)&keeps == 0 && !passesOn(path)
}

// passing are the words for what goes on to somebody, or stays in somebody's records.
// A service may well have a model write or check a text that it then sends.
var passing = keySet(
	"send", "sendmessage", "notify", "notification", "notifications", "publish", "broadcast", "dispatch", "deliver", "forward", "share", "invite", "invitations",
	"post", "posts", "comment", "comments", "reply", "replies", "mail", "mails", "email", "emails", "sms", "inbox", "outbox", "hook", "hooks", "webhook", "webhooks",
	"phone", "call", "calls", "chats", "conversation", "session", "rooms", "channels", "channel", "topics", "topic", "streams", "kafka", "enqueue",
	"tickets", "ticket", "escalate", "handoff", "alert", "alerts", "incident", "incidents", "approve",
	"orders", "order", "book", "booking", "bookings", "reservations", "appointments", "checkout", "purchase", "charge", "refund", "refunds", "payments", "transfers", "billing", "invoices",
	"contracts", "certificates", "coupons", "surveys", "forms", "reviews",
	"users", "register", "notes", "documents", "collections", "db", "row", "rows",
	"add", "append", "insert", "new", "update", "delete", "copy", "upload", "import", "imports", "export", "exports", "ingest", "ingestion", "record", "log", "archive", "collect",
	"transcript", "transcripts", "audit", "telemetry", "trace", "spans", "metrics", "analytics", "track", "tracking", "report", "reports",
	"dataset", "annotation", "annotations", "samples", "examples", "train", "training",
	"act", "action", "actions", "command", "commands", "execute", "exec", "run", "schedule", "trigger", "triggers", "deploy",
)

// passesOn reports whether a word of a path says that what is sent to it goes on to
// somebody, or is kept: "send-message", "chats/7/posts". The evidence is that word, and
// so weak; the scope is a request to a path that no table has. Where it is wrong, the
// request is not repeated after a failure, as without us, unless the user says that it
// may be.
func passesOn(path string) bool {
	for path != "" {
		var word string
		if word, path = nextWord(path); passing[fold(word)] {
			return true
		}
	}
	return false
}
