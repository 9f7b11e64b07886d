// Page shows debugsteady's page of a Transport that is kept busy: by an API that
// limits requests and says so, by one that keeps its limit to itself, by one that
// asks for pauses, and by one that is down half of the time. All of them are
// scripted servers on loopback.
//
//	go run ./examples/page
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/debugsteady"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8090", "the `address` to serve the page at")
	flag.Parse()

	apis := startAPIs()
	defer apis.close()
	transport := &steadyhttp.Transport{
		Base:      apis,
		Throttler: &steadyhttp.Throttler{RequestsPerMinute: 1500, MaxConcurrent: 24},
		Failover:  &steadyhttp.Failover{Targets: []steadyhttp.Target{{Name: "openrouter", URL: "http://openrouter.ai/api/v1", Header: http.Header{"Authorization": {"Bearer or-demo-key"}}}}},
	}
	http.Handle("/debug/steadyhttp", debugsteady.Handler(transport)) // before the first request
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s/debug/steadyhttp\n", l.Addr())
	go keepBusy(&http.Client{Transport: transport, Timeout: 20 * time.Second})
	log.Fatal(http.Serve(l, nil))
}
