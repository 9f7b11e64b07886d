package dialect

import "strings"

// AsksHealth reports whether whoever reads at path asks how a server is, or a service that
// it watches. The status is the answer there, whichever it is: a standby of Vault says 429,
// a sealed one 503, Consul 429 for a warning, Spring 503 for what is down.
//
// The evidence is the path. Where it misleads, the caller has the first answer, as without
// us, and Retrier.Decide may go on.
func AsksHealth(path string) bool {
	before, last, health := "", "", false
	for part := range strings.SplitSeq(path, "/") {
		if part == "" {
			continue
		}
		before, last = last, strings.ToLower(part)
		switch last {
		case "healthz", "livez", "readyz":
			return true // Kubernetes has single checks below them
		case "health":
			health = health || before == "actuator" || before == "agent" || before == "_cluster" // below it, components and services
		}
	}
	switch last {
	case "health", "_health", "healthcheck", "health-check", "health_check", "healthy", "liveness", "readiness":
		return true
	case "live", "ready", "started", "startup", "cluster", "check":
		return before == "health" || before == "-" // MicroProfile, MinIO, Triton; Prometheus
	}
	return health
}
