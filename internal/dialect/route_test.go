package dialect

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestRoute(t *testing.T) {
	for _, row := range []struct{ path, want string }{
		// Ids go.
		{"/users/4711/orders", "/users/{id}/orders"},
		{"/users/7", "/users/{id}"},
		{"/4711", "/{id}"},
		{"/v1/orders/123e4567-e89b-12d3-a456-426614174000", "/v1/orders/{id}"},
		{"/v1/orders/DEADBEEF-CAFE-BABE-FACE-ABCDEFABCDEF/lines", "/v1/orders/{id}/lines"},
		{"/commits/9f86d081", "/commits/{id}"},
		{"/repos/golang/go/commits/2f7c0f2b1d0c4b8f9a6e5d4c3b2a190817263544", "/repos/golang/go/commits/{id}"},
		{"/events/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/events/{id}"},
		{"/events/0ujtsYcgvSTl8PAuAdqWYSMnLOv", "/events/{id}"},
		{"/ids/V1StGXR8_Z5jdHi6B-myT", "/ids/{id}"},
		{"/ids/9m4e2mr0ui3e8a215n4g", "/ids/{id}"},
		{"/watch/dQw4w9WgXcQ", "/watch/{id}"},
		{"/conversations/C024BE91L", "/conversations/{id}"},
		{"/v1/customers/cus_NffrFeUfNV2Hib", "/v1/customers/{id}"},
		{"/v1/customers/cus_NeZwdNtLEOXuvB", "/v1/customers/{id}"},
		{"/v1/files/file-abc123/content", "/v1/files/{id}/content"},
		{"/v1/threads/thread_abc123/runs/run_abc123", "/v1/threads/{id}/runs/{id}"},
		{"/v1/batches/batch_67c9a2f0e4b88190a3d5", "/v1/batches/{id}"},
		{"/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM", "/v1/text-to-speech/{id}"},
		{"/v1/predictions/gm3qorzdhgbfurvjtvhg6dckhu", "/v1/predictions/{id}"},
		{"/orders/order-4711", "/orders/{id}"},
		{"/orders/order4711", "/orders/{id}"},
		{"/rest/api/3/issue/PROJ-7/comment/10001", "/rest/api/3/issue/{id}/comment/{id}"},
		{"/v1/projects/my-project-123456/topics", "/v1/projects/{id}/topics"},
		{"/api/v1/namespaces/prod/pods/web-7d9f8b6c5d-x2x9z/log", "/api/v1/namespaces/prod/pods/{id}/log"},
		{"/users/alice@example.com/messages", "/users/{id}/messages"},
		{"/reports/2026-11-27", "/reports/{id}"},
		{"/reports/2026/11/27", "/reports/{id}/{id}/{id}"},
		{"/reports/2026-11-27T10:15:00Z", "/reports/{id}"},
		{"/reports/20261127T101500Z", "/reports/{id}"},
		{"/hosts/10.0.0.1/status", "/hosts/{id}/status"},
		{"/geo/52.52,13.41", "/geo/{id}"},
		{"/v1/balances/0x52908400098527886E0F7030069857D2E4169EE7", "/v1/balances/{id}"},
		{"/v2/library/alpine/blobs/sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "/v2/library/alpine/blobs/{id}"},
		{"/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages/SM0123456789abcdef0123456789abcdef.json", "/2010-04-01/Accounts/{id}/Messages/{id}.json"},
		{"/admin/api/2024-01/products/632910392.json", "/admin/api/2024-01/products/{id}.json"},
		{"/v1/operations/4711:cancel", "/v1/operations/{id}:cancel"},
		{"/odata/Products(4711)/Category", "/odata/Products({id})/Category"},
		{"/v1.0/users('alice')/messages", "/v1.0/users({id})/messages"},
		{"/services/data/v59.0/sobjects/Account/001D000000IqhSLIAZ", "/services/data/v59.0/sobjects/Account/{id}"},
		{"/wiki/Some Title", "/wiki/{id}"},
		{"/wiki/a\x00b", "/wiki/{id}"},
		{"/wiki/\xff", "/wiki/{id}"},
		{"/a/" + strings.Repeat("a", 100_000), "/a/{id}"},
		{"/models/4711", "/models/{id}"},
		{"/models/123e4567-e89b-12d3-a456-426614174000", "/models/{id}"},
		{"/2/users/44196397/tweets", "/2/users/{id}/tweets"},
		{"/1.1/statuses/show/210462857140252672.json", "/1.1/statuses/show/{id}.json"},
		{"/3/movie/550", "/3/movie/{id}"},
		{"/api/0/projects/acme/web/issues", "/api/0/projects/acme/web/issues"},

		// Names, versions and models stay.
		{"", "/"},
		{"/", "/"},
		{"*", "*"},
		{"//a//", "//a//"},
		{"/v1/chat/completions", "/v1/chat/completions"},
		{"/2/posts", "/2/posts"},
		{"/models/a/large", "/models/a/large"},
		{"/models/b/small", "/models/b/small"},
		{"/tenants/a/items", "/tenants/a/items"},
		{"/v1beta/models/gemini-2.5-pro:generateContent", "/v1beta/models/gemini-2.5-pro:generateContent"},
		{"/v1/projects/p/locations/us-central1/publishers/google/models/gemini-1.5-pro-002:predict", "/v1/projects/p/locations/us-central1/publishers/google/models/gemini-1.5-pro-002:predict"},
		{"/openai/deployments/gpt-35-turbo-0613/chat/completions", "/openai/deployments/gpt-35-turbo-0613/chat/completions"},
		{"/v1/models/ft:gpt-4o-mini-2024-07-18:my-org::9abc1234", "/v1/models/ft:gpt-4o-mini-2024-07-18:my-org::9abc1234"},
		{"/v1/engines/text-davinci-003/completions", "/v1/engines/text-davinci-003/completions"},
		{"/model/anthropic.claude-3-5-sonnet-20241022-v2:0/invoke", "/model/anthropic.claude-3-5-sonnet-20241022-v2:0/invoke"},
		{"/models/meta-llama/Meta-Llama-3.1-405B-Instruct", "/models/meta-llama/Meta-Llama-3.1-405B-Instruct"},
		{"/client/v4/accounts/acme/ai/run/@cf/meta/llama-3.1-8b-instruct", "/client/v4/accounts/acme/ai/run/@cf/meta/llama-3.1-8b-instruct"},
		{"/v1/generation/stable-diffusion-xl-1024-v1-0/text-to-image", "/v1/generation/stable-diffusion-xl-1024-v1-0/text-to-image"},
		{"/fal-ai/flux-pro/v1.1", "/fal-ai/flux-pro/v1.1"},
		{"/2015-03-31/functions/resize-images/invocations", "/2015-03-31/functions/resize-images/invocations"},
		{"/v20180820/jobs", "/v20180820/jobs"},
		{"/v1p1beta1/videos:annotate", "/v1p1beta1/videos:annotate"},
		{"/apis/metrics.k8s.io/v1beta1/pods", "/apis/metrics.k8s.io/v1beta1/pods"},
		{"/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings", "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"},
		{"/users/@me/guilds", "/users/@me/guilds"},
		{"/npm/react@18.2.0/index.js", "/npm/react@18.2.0/index.js"},
		{"/api/chat.postMessage", "/api/chat.postMessage"},
		{"/users/findByIdAndName", "/users/findByIdAndName"},
		{"/GetMetricDataForAllAccounts", "/GetMetricDataForAllAccounts"},
		{"/getXmlHttpRequestConfiguration", "/getXmlHttpRequestConfiguration"},
		{"/base64encode", "/base64encode"},
		{"/toBase64String", "/toBase64String"},
		{"/getS3Object", "/getS3Object"},
		{"/getUserInfoByUserIdV2", "/getUserInfoByUserIdV2"},
		{"/getOrderListByUserIdAndStatus", "/getOrderListByUserIdAndStatus"},
		{"/convertUtf8ToBase64String", "/convertUtf8ToBase64String"},
		{"/embed/paraphrase-MiniLM-L12-v2", "/embed/paraphrase-MiniLM-L12-v2"},
		{"/sha256sum", "/sha256sum"},
		{"/oauth2/token", "/oauth2/token"},
		{"/regions/eu-west-3a/zones", "/regions/eu-west-3a/zones"},
		{"/.well-known/openid-configuration", "/.well-known/openid-configuration"},
		{"/tenants/münchen/items", "/tenants/münchen/items"},
		{"/$batch", "/$batch"},
		{"/users/delta()", "/users/delta()"},
	} {
		if got := Route("GET", row.path); got != "GET "+row.want {
			t.Errorf("%.80s: got %q, want %q", row.path, got, "GET "+row.want)
		}
	}
}

// A route that just fits is whole, and one byte more is cut where there is room for the
// hash of all of it.
func TestRouteAtItsLength(t *testing.T) {
	kept := "/abcd" + strings.Repeat("/abcdefghi", 11)
	if n := len("GET " + kept); n != maxRoute-hashLen {
		t.Fatalf("got %d bytes, want as many as leave room for the hash", n)
	}
	if got, want := Route("GET", kept+"/abcdefgh"), "GET "+kept+"/abcdefgh"; got != want || len(got) != maxRoute {
		t.Errorf("got %q, want %q", got, want)
	}
	one, two := Route("GET", kept+"/abcdefghi"), Route("GET", kept+"/abcdefghj")
	for _, got := range []string{one, two} {
		if rest, ok := strings.CutPrefix(got, "GET "+kept+"~"); !ok || len(rest) != hashLen-1 || strings.Trim(rest, "0123456789abcdef") != "" {
			t.Errorf("got %q, want %q and a hash", got, "GET "+kept)
		}
	}
	if one == two {
		t.Errorf("two paths have one route: %q", one)
	}
}

func TestCutVerb(t *testing.T) {
	for _, row := range []struct{ part, stem, end string }{
		{"4711:cancel", "4711", ":cancel"}, {":cancel", ":cancel", ""}, {"4711.gz", "4711", ".gz"}, {"4711.x", "4711.x", ""},
		{"4711.jsonl", "4711", ".jsonl"}, {"4711.jsonls", "4711.jsonls", ""}, {"4711.mp4", "4711.mp4", ""}, {"4711", "4711", ""},
		{"4711:" + strings.Repeat("a", maxVerb), "4711", ":" + strings.Repeat("a", maxVerb)},
		{"4711:" + strings.Repeat("a", maxVerb+1), "4711:" + strings.Repeat("a", maxVerb+1), ""},
	} {
		if stem, end := cutVerb(row.part); stem != row.stem || end != row.end {
			t.Errorf("%s: got %q and %q, want %q and %q", row.part, stem, end, row.stem, row.end)
		}
	}
}

// Secrets that stand in paths are not in routes.
func TestRouteHasNoSecret(t *testing.T) {
	for _, row := range []struct{ path, secret string }{
		{"/bot123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendMessage", "AAHdqTcv"},
		{"/services/T024BE91L/B024BE91M/XqZpLmNoRsTuVwXyZaBcDeFg", "XqZp"},
		{"/services/T024BE91L/B024BE91M/aZ09bY18cX27dW36eV45fU54", "aZ09"},
		{"/v3/0123456789abcdef0123456789abcdef", "0123"},
		{"/v2/demo-kXw7Zr3Qn5Tb9Yc1Vd6Mf8Gh2Jl4Pq", "kXw7"},
		{"/hooks/catch/123456/abc1234", "abc1234"},
		{"/keys/sk-proj-aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5z", "aB3d"},
		{"/keys/sk_live_51HxAbCdEfGhIjKlMnOpQrStUvWxYz", "51Hx"},
		{"/keys/AKIAIOSFODNN7EXAMPLE", "AKIA"},
		{"/keys/ghp_16C7e42F292c6912E7710c838347Ae178B4a", "16C7"},
		{"/keys/AIzaSyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe", "SyDa"},
		{"/keys/JBSWYDPEHPKEPXPJBSWY", "JBSW"},
		{"/keys/kqzvxwpjfhgbtrnmdsle", "kqzv"},
		{"/keys/kqzvxwpjfhgbtrnm", "kqzv"},
		{"/reset/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U", "eyJ"},
		{"/webhooks/123456789012345678/aZ09bY18cX27dW36eV45fU54gT63_hS72-iR81", "aZ09"},
		{"/files;jsessionid=9F3A6C1E0B7D4A52", "9F3A"},
	} {
		for _, got := range []string{Route("POST", row.path), discordRoute("POST", row.path)} {
			if strings.Contains(got, row.secret) {
				t.Errorf("%s: got %q", row.path, got)
			}
		}
	}
}

// Nearly all random tokens are taken for ids, whatever letters they are made of, and
// the more surely the longer they are.
func TestRouteOfRandomTokens(t *testing.T) {
	const upper, lower, digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "0123456789"
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, row := range []struct {
		name, letters string
		length        int
		least         float64
	}{
		{"base64", upper + lower + digits + "-_", 22, .93},
		{"base64, 32 bytes", upper + lower + digits + "-_", 43, .999},
		{"base62", upper + lower + digits, 20, .97},
		{"base62, 32 characters", upper + lower + digits, 32, .995},
		{"base62, short", upper + lower + digits, 11, .7},
		{"base36", lower + digits, 20, .99},
		{"base32", upper + "234567", 16, .95},
		{"hexadecimal", "0123456789abcdef", 32, .99999},
	} {
		const rounds = 20_000
		found := 0
		for range rounds {
			b := make([]byte, row.length)
			for i := range b {
				b[i] = row.letters[rnd.IntN(len(row.letters))]
			}
			if got := Route("", "/things/"+string(b)); !strings.Contains(got, string(b[2:len(b)-2])) {
				found++
			}
		}
		if share := float64(found) / rounds; share < row.least {
			t.Errorf("%s: got %.4f of the tokens, want %v", row.name, share, row.least)
		}
	}
}

func TestRouteIsBounded(t *testing.T) {
	long := strings.Repeat("/part", 100)
	a, b := Route("GET", long+"/a"), Route("GET", long+"/b")
	if a == b {
		t.Error("two long paths have one route")
	}
	if Route("GET", long+"/4711") != Route("GET", long+"/4712") {
		t.Error("two ids in a long path have two routes")
	}
	if !strings.HasPrefix(a, "GET /part/part/") {
		t.Errorf("got %q, want the path's beginning", a)
	}
	many := Route("GET", strings.Repeat("/a", 17))
	if want := "GET" + " " + strings.Repeat("/a", 16) + "/~"; !strings.HasPrefix(many, want) {
		t.Errorf("got %q, want %q", many, want)
	}
	for _, s := range []string{a, b, Route(strings.Repeat("X", 1000), "/a"), Route("GET", strings.Repeat("/", 1<<20)), Route("GET", "/"+strings.Repeat("é", 30)+strings.Repeat("/é", 100))} {
		if len(s) > maxRoute || !utf8.ValidString(s) {
			t.Errorf("got %d bytes: %q", len(s), s)
		}
	}
	if fits := Route("GET", strings.Repeat("/abcdefg", 15)+"/abc"); len(fits) != maxRoute || strings.Contains(fits, "~") {
		t.Errorf("got %q of a path that fits", fits)
	}
}

// Time grows with the length of a path, and no more.
func TestRouteTakesLinearTime(t *testing.T) {
	for _, part := range []string{"/", "/a", "a", "(", ".", ":", "@", "a1", "/models/", "é", "-1"} {
		path := strings.Repeat(part, 1<<20/len(part))
		took := time.Hour
		for range 3 { // the machine has other things to do
			begun := time.Now()
			Route("GET", path)
			took = min(took, time.Since(begun))
		}
		if took > time.Second {
			t.Errorf("1 MiB of %q take %v", part, took)
		}
	}
}

func TestRouteAllocatesItsTextAlone(t *testing.T) {
	for _, path := range []string{"/v1/chat/completions", "/users/4711/orders", strings.Repeat("/part", 100)} {
		if n := testing.AllocsPerRun(100, func() { Route("GET", path) }); n > 1 {
			t.Errorf("%.40s: got %v allocations, want 1", path, n)
		}
	}
}

func FuzzRoute(f *testing.F) {
	f.Add("GET", "/users/4711/orders", uint64(1))
	f.Add("POST", "/v1/models/gemini-2.5-pro:generateContent", uint64(2))
	f.Add("", "//(é)..::@@", uint64(3))
	f.Fuzz(func(t *testing.T, method, path string, n uint64) {
		for _, got := range []string{Route(method, path), discordRoute(method, path), BucketOf(Path, method, "h", path), BucketOf(Method, method, "h", path)} {
			if len(got) > maxRoute || got == "" {
				t.Errorf("got %d bytes: %q", len(got), got)
			}
		}
		for _, format := range []string{"%d", "%08d9", "%016xa0", "%08x-0000-4000-8000-0123456789ab", "u%d@example.com", "2026-11-%02d", "order-%07d"} {
			a, b := fmt.Sprintf(format, n%1000), fmt.Sprintf(format, (n+1)%1000)
			if x, y := Route("GET", path+"/x/things/"+a+"/x"), Route("GET", path+"/x/things/"+b+"/x"); x != y {
				t.Errorf("%q and %q", x, y)
			}
		}
	})
}

func BenchmarkRoute(b *testing.B) {
	for _, bm := range []struct{ name, path string }{
		{"nothing to fold", "/v1/chat/completions"},
		{"an id", "/users/4711/orders"},
		{"a UUID", "/v1/orders/123e4567-e89b-12d3-a456-426614174000/lines"},
		{"long", "/subscriptions/123e4567-e89b-12d3-a456-426614174000/resourceGroups/my-group/providers/Microsoft.Compute/virtualMachines/vm/instanceView/extensions/network"},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Route("GET", bm.path)
			}
		})
	}
}
