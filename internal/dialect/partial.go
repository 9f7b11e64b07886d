package dialect

// What an answer says of a request of many parts of which some were done: a batch that
// met the limit halfway.

// doneInPart reports whether the answer counts parts of the request that were done, or
// lists one. The evidence is what it says, of itself; the scope is this one request, which
// is sent again only if doing it twice does no harm. Where it is wrong, the caller has the
// answer that there would be without us.
func (r *reader) doneInPart() bool {
	if r.partial() {
		return true
	}
	t := &r.tree
	if t.is(1, '[') {
		return t.hasSuccess(1)
	}
	for c := t.nodes[1].down; c != 0; c = t.nodes[c].next {
		if t.saysDone(c) {
			return true
		}
		for inner := t.nodes[c].down; inner != 0 && t.is(c, '{'); inner = t.nodes[inner].next {
			if t.saysDone(inner) {
				return true
			}
		}
	}
	return false
}

// saysDone reports whether a member counts what was done, or lists a success.
func (t *tree) saysDone(at int32) bool {
	if !doneMembers[t.nodes[at].key] {
		return t.is(at, '[') && t.hasSuccess(at)
	}
	n, ok := t.number(at)
	return ok && n >= 1 && n < maxCount || t.is(at, '[') && !t.empty(at)
}

// maxCount is more parts than one request has. A larger number is a time.
const maxCount = 1e9

// hasSuccess reports whether one of the first things in a list was done. Some name in
// each what was asked for, and say within how that went.
func (t *tree) hasSuccess(list int32) bool {
	for item := t.nodes[list].down; item != 0; item = t.nodes[item].next {
		if t.isSuccess(item) || t.members(item) == 1 && t.isSuccess(t.nodes[item].down) {
			return true
		}
	}
	return false
}

func (t *tree) isSuccess(item int32) bool {
	for c := t.nodes[item].down; c != 0 && t.is(item, '{'); c = t.nodes[c].next {
		switch key := t.nodes[c].key; {
		case successMembers[key]:
			if t.is(c, 't') {
				return true
			}
		case statusMembers[key]:
			if n, ok := t.number(c); ok && n >= 200 && n < 300 {
				return true
			}
			if doneMembers[fold(t.text(c))] || successMembers[fold(t.text(c))] {
				return true
			}
		}
	}
	return false
}

var (
	doneMembers = keySet(
		"accepted", "added", "applied", "completed", "created", "deleted", "delivered", "enqueued", "imported", "indexed", "ingested", "inserted",
		"modified", "processed", "queued", "saved", "sent", "stored", "submitted", "succeeded", "successful", "successes", "updated", "upserted", "written",
		"accepted_count", "created_count", "imported_count", "inserted_count", "processed_count", "sent_count", "succeeded_count", "success_count", "successful_count",
		"num_accepted", "num_processed", "num_successful", "total_accepted", "total_processed", "total_success", "total_successful",
	)
	successMembers = keySet("success", "successful", "succeeded", "ok")
	statusMembers  = keySet("status", "status_code", "http_status", "http_code", "response_code", "code", "state", "result")
)
