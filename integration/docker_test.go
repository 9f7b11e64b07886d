package integration

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	docker "github.com/moby/moby/client"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// newDocker makes a client of a daemon at host, such as tcp://127.0.0.1:2375. For
// one at a socket of this machine, give the Transport as its Base an http.Transport
// whose DialContext dials that.
func newDocker(host string, client *http.Client) (*docker.Client, error) {
	client.CheckRedirect = docker.CheckRedirect
	return docker.New(docker.WithHost(host), docker.WithHTTPClient(client)) // in this order
}

var dockerSDK = sdk{
	name:   "Docker client",
	module: "github.com/moby/moby/client",
	recipe: "newDocker",
	open: func(client *http.Client) (calls, error) {
		c, err := newDocker("tcp://docker.example:2375", client)
		return dockerCalls(c), err
	},
	typed: func(err error) (failure, bool) {
		_, message, ok := strings.Cut(err.Error(), "Error response from daemon: ")
		if !ok {
			return failure{}, false
		}
		switch {
		case cerrdefs.IsNotFound(err):
			return failure{code: "not found", message: message}, true
		case cerrdefs.IsPermissionDenied(err):
			return failure{code: "permission denied", message: message}, true
		}
		return failure{message: message}, true
	},
	success: dockerReply(200, `{"Name":"Hello!"}`),
	text:    "Hello!",
	down:    dockerReply(503, `{"message":"the daemon is starting"}`),
	refused: failed{
		dockerReply(404, `{"message":"No such container: greeter"}`),
		failure{code: "not found", message: "No such container: greeter"},
	},
	hopeless: failed{
		dockerReply(403, `{"message":"access is denied by policy"}`),
		failure{code: "permission denied", message: "access is denied by policy"},
	},
	stream: &stream{
		contentType: "application/vnd.docker.raw-stream",
		chunks:      []string{"Hello", " you!"},
		words:       []string{"Hello", " you!"},
		blind:       true,
	},
	opening: map[string]steadyhttptest.Reply{"/_ping": reply(200, "OK", "Api-Version", "1.50")},
	created: reply(200, ""),
}

func dockerCalls(c *docker.Client) calls {
	return calls{
		ask: func(ctx context.Context) (string, error) {
			found, err := c.ContainerInspect(ctx, "greeter", docker.ContainerInspectOptions{})
			return found.Container.Name, err
		},
		stream: func(ctx context.Context, each func(string)) error {
			logs, err := c.ContainerLogs(ctx, "greeter", docker.ContainerLogsOptions{ShowStdout: true, Follow: true})
			if err != nil {
				return err
			}
			defer logs.Close()
			text := make([]byte, 100)
			for {
				n, err := logs.Read(text)
				each(string(text[:n]))
				if errors.Is(err, io.EOF) {
					return nil
				}
				if err != nil {
					return err
				}
			}
		},
		upload: func(ctx context.Context, file io.Reader) error {
			_, err := c.CopyToContainer(ctx, "greeter", docker.CopyToContainerOptions{DestinationPath: "/", Content: file})
			return err
		},
		write: func(ctx context.Context) error {
			_, err := c.ContainerCreate(ctx, docker.ContainerCreateOptions{Image: "greeter"})
			return err
		},
	}
}

func dockerReply(status int, body string) steadyhttptest.Reply {
	return reply(status, body, "Content-Type", "application/json")
}
