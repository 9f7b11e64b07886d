package integration

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/google/go-github/v89/github"
)

func newGitHub(client *http.Client) (*github.Client, error) {
	return github.NewClient(github.WithHTTPClient(client), github.WithAuthToken("test-token"))
}

var gitHubSDK = sdk{
	name:   "go-github",
	module: "github.com/google/go-github/v89",
	recipe: "newGitHub",
	open: func(client *http.Client) (calls, error) {
		c, err := newGitHub(client)
		return calls{
			ask: func(ctx context.Context) (string, error) {
				repo, _, err := c.Repositories.Get(ctx, "steadyhttp", "steadyhttp")
				return repo.GetName(), err
			},
			upload: func(ctx context.Context, file io.Reader) error {
				data, err := io.ReadAll(file)
				if err != nil {
					return err
				}
				release := &github.RepositoryRelease{UploadURL: "https://uploads.github.com/repos/steadyhttp/steadyhttp/releases/1/assets{?name,label}"}
				_, _, err = c.Repositories.UploadReleaseAssetFromRelease(ctx, release, &github.UploadOptions{Name: "notes.txt"}, bytes.NewReader(data), int64(len(data)))
				return err
			},
			write: func(ctx context.Context) error {
				_, _, err := c.Issues.Create(ctx, "steadyhttp", "steadyhttp", &github.IssueRequest{Title: github.Ptr("It is broken")})
				return err
			},
		}, err
	},
	typed: func(err error) (failure, bool) {
		var e *github.ErrorResponse
		if !errors.As(err, &e) {
			return failure{}, false
		}
		return failure{status: e.Response.StatusCode, message: e.Message, requestID: e.Response.Header.Get("X-Github-Request-Id")}, true
	},
	success: reply(200, `{"id":1,"name":"steadyhttp"}`),
	text:    "steadyhttp",
	down:    reply(503, `{"message":"Service Unavailable"}`),
	refused: failed{
		reply(404, `{"message":"Not Found","documentation_url":"https://docs.github.com/rest"}`, "X-Github-Request-Id", "0404:1"),
		failure{status: 404, message: "Not Found", requestID: "0404:1"},
	},
	hopeless: failed{ // under the status that it has for its rate limits too
		reply(403, `{"message":"Resource not accessible by integration"}`, "X-Github-Request-Id", "0403:1"),
		failure{status: 403, message: "Resource not accessible by integration", requestID: "0403:1"},
	},
	created: reply(201, `{"id":1}`),
}
