package main

import (
	"encoding/json"
	"net/http"

	"github.com/steadyhttp/steadyhttp"
)

// debugHandler shows what the transports know of limits, pauses and waiting calls.
func debugHandler(transports []*steadyhttp.Transport) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		all := make([]any, len(transports))
		for i, t := range transports {
			all[i] = t.Snapshot()
		}
		json.NewEncoder(w).Encode(all)
	})
}
