package dialect

import "testing"

func TestAsksHealth(t *testing.T) {
	for path, want := range map[string]bool{
		"/health": true, "/health/": true, "/api/v1/health": true, "/healthz": true, "/healthz/ping": true, "/livez": true, "/readyz/etcd": true,
		"/v1/sys/health": true, "/v1/agent/health/service/id/web-1": true, "/actuator/health": true, "/actuator/health/db": true,
		"/_cluster/health": true, "/_cluster/health/logs": true, "/q/health/ready": true, "/minio/health/live": true, "/v2/health/ready": true,
		"/-/ready": true, "/-/healthy": true, "/Health-Check": true,

		"/": false, "": false, "/v1/health/service/web": false, "/health/records/7": false, "/healthcare": false, "/orders/ready": false,
		"/users/7/check": false, "/v1/agent/services": false, "/actuator/metrics": false,
	} {
		if got := AsksHealth(path); got != want {
			t.Errorf("%q: got %t, want %t", path, got, want)
		}
	}
}
