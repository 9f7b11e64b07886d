package dialect

import "strings"

// Computes reports whether a call at a path by which models are called does no more
// than to compute, as far as what was written shows. At a host that is known the path
// alone says so. Elsewhere others may use such a path for something else:
//
//   - no body may say that somebody gets it or keeps it, or hold nothing but what no call
//     to a model has;
//   - without a version in the path, such as the v1 of OpenAI's, or a model's name, a
//     prompt is not enough: a model, a conversation, or nothing but parameters of models
//     must come with it, and the path must not lead through one of many things, as
//     /documents/7/embeddings;
//   - at an end that is one of models only together with the body, such as /generate,
//     all members must be parameters of models, and one of them such that nothing else
//     has it.
//
// A body that is no JSON object, or that was not sent to its end, shows nothing of that.
func (e *Effect) Computes(host, path string) bool {
	if !e.whole || tables().byHost(host) != nil {
		return true
	}
	byBody := InferenceShaped(path) && !Inference(path, nil)
	switch {
	case e.toward || e.strange && !e.prompt && !e.model:
		return false
	case !byBody && hasVersion(path), NamesModel(path):
		return true
	case !e.prompt || throughOneOfMany(path):
		return false
	case !byBody:
		return e.model || e.turns || !e.strange
	}
	return !e.strange && !e.plain && !passesOn(path) && (e.model || e.turns || e.tuned)
}

// hasVersion reports whether a part of the path is an API's version.
func hasVersion(path string) bool {
	for part := range strings.SplitSeq(path, "/") {
		if isVersion(part) {
			return true
		}
	}
	return false
}

// throughOneOfMany reports whether a part of the path is a number, or a UUID.
func throughOneOfMany(path string) bool {
	for part := range strings.SplitSeq(path, "/") {
		if part != "" && strings.Trim(part, "0123456789") == "" || isUUID(part) {
			return true
		}
	}
	return false
}
