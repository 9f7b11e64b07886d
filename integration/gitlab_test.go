package integration

import (
	"context"
	"errors"
	"io"
	"net/http"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"
)

func newGitLab(client *http.Client) (*gitlab.Client, error) {
	return gitlab.NewClient("test-token", gitlab.WithHTTPClient(client))
}

var gitLabSDK = sdk{
	name:   "GitLab client-go",
	module: "gitlab.com/gitlab-org/api/client-go/v2",
	recipe: "newGitLab",
	open: func(client *http.Client) (calls, error) {
		c, err := newGitLab(client)
		return gitLabCalls(c), err
	},
	off: `gitlab.WithoutRetries()`,
	once: func(client *http.Client) (calls, error) {
		c, err := gitlab.NewClient("test-token", gitlab.WithHTTPClient(client), gitlab.WithoutRetries())
		return gitLabCalls(c), err
	},
	typed: func(err error) (failure, bool) {
		var e *gitlab.ErrorResponse
		if !errors.As(err, &e) {
			return failure{}, false
		}
		return failure{e.StatusCode, "", e.Message, e.Response.Header.Get("X-Request-Id")}, true
	},
	success: reply(200, `{"id":7,"name":"steady"}`),
	text:    "steady",
	down:    reply(503, `{"message":"503 Service Unavailable"}`),
	refused: failed{
		reply(400, `{"message":"id is invalid"}`, "X-Request-Id", "req_400"),
		failure{400, "", "{message: id is invalid}", "req_400"},
	},
	hopeless: failed{
		reply(403, `{"error":"insufficient_scope"}`, "X-Request-Id", "req_403"),
		failure{403, "", "{error: insufficient_scope}", "req_403"},
	},
	created: reply(201, `{"id":1}`),
	sent:    attempts + 5, // it goes on by itself after our last attempt, and gets one request for each of its own
}

func gitLabCalls(c *gitlab.Client) calls {
	return calls{
		ask: func(ctx context.Context) (string, error) {
			project, _, err := c.Projects.GetProject(7, nil, gitlab.WithContext(ctx))
			if err != nil {
				return "", err
			}
			return project.Name, nil
		},
		upload: func(ctx context.Context, file io.Reader) error {
			_, _, err := c.ProjectMarkdownUploads.UploadProjectMarkdown(7, file, "notes.txt", gitlab.WithContext(ctx))
			return err
		},
		write: func(ctx context.Context) error {
			issue := &gitlab.CreateIssueOptions{Title: gitlab.Ptr("It is broken")}
			_, _, err := c.Issues.CreateIssue(7, issue, gitlab.WithContext(ctx))
			return err
		},
	}
}
