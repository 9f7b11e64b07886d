package steadyhttp_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// A network is servers in memory, by host. The examples would call real ones.
type network map[string]steadyhttptest.Reply

func (n network) RoundTrip(req *http.Request) (*http.Response, error) {
	body := ""
	if req.Body != nil {
		b, _ := io.ReadAll(req.Body)
		req.Body.Close()
		body = string(b)
	}
	fmt.Println(strings.TrimSpace(req.URL.Host + req.URL.Path + " " + req.Header.Get("Authorization") + req.Header.Get("Api-Key") + " " + body))
	r, ok := n[req.URL.Host+" "+body]
	if !ok {
		r = n[req.URL.Host]
	}
	w := httptest.NewRecorder()
	for name, values := range r.Header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(max(r.Status, 200))
	io.WriteString(w, r.Body)
	resp := w.Result()
	resp.Request = req
	return resp, nil
}

// complete sends body and prints who answered.
func complete(client *http.Client, url, key, value, body string) {
	req, _ := http.NewRequest("POST", url, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(key, value)
	resp, err := client.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	call, _ := steadyhttp.FromContext(resp.Request.Context())
	fmt.Printf("%d by %q after %d attempts\n", resp.StatusCode, call.Target, call.Attempts)
}

func secondProvider(base http.RoundTripper, key string) *http.Client {
	return &http.Client{Transport: &steadyhttp.Transport{
		Base: base,
		Failover: &steadyhttp.Failover{Targets: []steadyhttp.Target{{
			Name:   "second",
			URL:    "https://llm.example.net/v1", // as its SDK would be given it
			Header: http.Header{"Authorization": {"Bearer " + key}},
			Model:  "example/large", // its name for the model
		}}},
	}}
}

// A second provider with the same dialect. The key of the first does not go there.
func ExampleFailover() {
	base := network{
		"api.example.com": {Status: 429, Header: http.Header{"Retry-After": {"20"}}},
		"llm.example.net": steadyhttptest.ChatCompletion("Hello!"),
	}
	client := secondProvider(base, "key-2")

	complete(client, "https://api.example.com/v1/chat/completions", "Authorization", "Bearer key-1", `{"model":"large","messages":[]}`)
	// Output:
	// api.example.com/v1/chat/completions Bearer key-1 {"model":"large","messages":[]}
	// llm.example.net/v1/chat/completions Bearer key-2 {"model":"example/large","messages":[]}
	// 200 by "second" after 2 attempts
}

func twoRegions(base http.RoundTripper, westKey string) *http.Client {
	return &http.Client{Transport: &steadyhttp.Transport{
		Base: base,
		Failover: &steadyhttp.Failover{Targets: []steadyhttp.Target{{
			Name:   "west",
			URL:    "https://our-west.openai.azure.com",
			Header: http.Header{"Api-Key": {westKey}},
			Model:  "chat-west", // the deployment there
		}}},
	}}
}

// Two regions of one deployment at Azure, where the model is in the path.
func ExampleFailover_regions() {
	base := network{
		"our-east.openai.azure.com": {Status: 503},
		"our-west.openai.azure.com": steadyhttptest.ChatCompletion("Hello!"),
	}
	client := twoRegions(base, "key-west")

	complete(client, "https://our-east.openai.azure.com/openai/deployments/chat/chat/completions?api-version=2024-10-21",
		"Api-Key", "key-east", `{"messages":[]}`)
	// Output:
	// our-east.openai.azure.com/openai/deployments/chat/chat/completions key-east {"messages":[]}
	// our-west.openai.azure.com/openai/deployments/chat-west/chat/completions key-west {"messages":[]}
	// 200 by "west" after 2 attempts
}

func ownRegions(base http.RoundTripper, token string) *http.Client {
	return &http.Client{Transport: &steadyhttp.Transport{
		Base: base,
		Failover: &steadyhttp.Failover{
			Hosts: []string{"east.example.com"}, // else only calls to models go elsewhere
			Targets: []steadyhttp.Target{{
				URL:    "https://west.example.com", // the path stays
				Header: http.Header{"Authorization": {"Bearer " + token}},
			}},
		},
	}}
}

// Two regions of a service of one's own.
func ExampleFailover_hosts() {
	base := network{
		"east.example.com": {Status: 503},
		"west.example.com": {Body: `{"id":7}`},
	}
	client := ownRegions(base, "west")

	req, _ := http.NewRequest("GET", "https://east.example.com/v2/orders/7", nil)
	req.Header.Set("Authorization", "Bearer east")
	resp, err := client.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
	// Output:
	// east.example.com/v2/orders/7 Bearer east
	// west.example.com/v2/orders/7 Bearer west
	// 200 OK
}

func smallerModel(base http.RoundTripper) *http.Client {
	return &http.Client{Transport: &steadyhttp.Transport{
		Base: base,
		Failover: &steadyhttp.Failover{
			Hosts: []string{"api.example.com"}, // not needed at a known provider
			Targets: []steadyhttp.Target{{
				Model:    "small",
				Set:      map[string]any{"reasoning_effort": nil}, // which the small one does not take
				MaxInput: 100_000,
			}},
		},
	}}
}

// A smaller model at the same host, with the same key, when the large one is overloaded.
func ExampleTarget() {
	base := network{
		`api.example.com {"model":"large","reasoning_effort":"high","messages":[]}`: {Status: 529},
		`api.example.com {"model":"small","messages":[]}`:                           steadyhttptest.ChatCompletion("Hello!"),
	}
	client := smallerModel(base)

	complete(client, "https://api.example.com/v1/chat/completions", "Authorization", "Bearer key",
		`{"model":"large","reasoning_effort":"high","messages":[]}`)
	// Output:
	// api.example.com/v1/chat/completions Bearer key {"model":"large","reasoning_effort":"high","messages":[]}
	// api.example.com/v1/chat/completions Bearer key {"model":"small","messages":[]}
	// 200 by "small" after 2 attempts
}

func twoKeys(base http.RoundTripper, secondKey string) *http.Client {
	return &http.Client{Transport: &steadyhttp.Transport{
		Base: base,
		Failover: &steadyhttp.Failover{
			Hosts: []string{"llm.example.com"}, // not needed at a known provider
			Targets: []steadyhttp.Target{{
				Name:   "second key",
				Header: http.Header{"Authorization": {"Bearer " + secondKey}},
			}},
		},
	}}
}

// Two keys of one host, the first of which is out of money.
func ExampleFailover_keys() {
	base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
		answers := network{"llm.example.com": steadyhttptest.ChatCompletion("Hello!")}
		if req.Header.Get("Authorization") == "Bearer key-1" {
			answers["llm.example.com"] = steadyhttptest.OpenAIError(429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota.")
		}
		return answers.RoundTrip(req)
	})
	client := twoKeys(base, "key-2")
	complete(client, "https://llm.example.com/v1/chat/completions", "Authorization", "Bearer key-1", `{"model":"large","messages":[]}`)
	// Output:
	// llm.example.com/v1/chat/completions Bearer key-1 {"model":"large","messages":[]}
	// llm.example.com/v1/chat/completions Bearer key-2 {"model":"large","messages":[]}
	// 200 by "second key" after 2 attempts
}

// What a Failover knows of a place that failed, for a status page.
func ExampleFailover_Snapshot() {
	base := network{
		"api.example.com": {Status: 503},
		"llm.example.net": steadyhttptest.ChatCompletion("Hello!"),
	}
	failover := &steadyhttp.Failover{Base: base, Targets: []steadyhttp.Target{{
		Name: "second", URL: "https://llm.example.net/v1", Header: http.Header{"Authorization": {"Bearer key-2"}},
	}}}
	complete(&http.Client{Transport: failover}, "https://api.example.com/v1/chat/completions", "Authorization", "Bearer key-1", `{"model":"large","messages":[]}`)
	for _, s := range failover.Snapshot() {
		fmt.Println(s.Key.Host, "passed over:", s.Down, "because", s.Err)
	}
	// Output:
	// api.example.com/v1/chat/completions Bearer key-1 {"model":"large","messages":[]}
	// llm.example.net/v1/chat/completions Bearer key-2 {"model":"large","messages":[]}
	// 200 by "second" after 2 attempts
	// api.example.com passed over: false because steadyhttp: unavailable: 503 Service Unavailable
}
