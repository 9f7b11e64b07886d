package steadyhttp_test

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/steadyhttp/steadyhttp"
)

// A success is logged with the same request id as a failure with the same header.
func TestRequestIDOfASuccess(t *testing.T) {
	for _, row := range []struct{ url, header, id string }{
		{"https://api.github.com/user", "X-Github-Request-Id", "AB12:3456"},
		{"https://b.s3.amazonaws.com/k", "X-Amz-Request-Id", "4442587FB7D0A2F9"},
		{"https://slack.com/api/auth.test", "X-Slack-Req-Id", "7e3f00aa"},
		{"https://api.openai.com/v1/models", "X-Request-Id", "req_1"},
		{"https://example.atlassian.net/rest/api/3/myself", "Atl-Traceid", "t-123"},
		{"https://api.example.com/items", "Cf-Ray", "8f1-AMS"},
	} {
		for _, status := range []int{200, 500} {
			t.Run(row.header+" "+strconv.Itoa(status), func(t *testing.T) {
				logger, logs := observed()
				rt := &steadyhttp.Transport{
					Base: roundTripperFunc(func(req *http.Request) (*http.Response, error) {
						return &http.Response{
							StatusCode: status, Request: req, Body: http.NoBody,
							Header: http.Header{row.header: {row.id}},
						}, nil
					}),
					Logger:  logger,
					Retrier: &steadyhttp.Retrier{MaxAttempts: 1},
				}
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, row.url, nil)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := rt.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if got := only(t, logs)["request_id"]; got != row.id {
					t.Errorf("got request id %v, want %s", got, row.id)
				}
			})
		}
	}
}
