package integration

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	docker "github.com/moby/moby/client"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// A bidirectional stream over HTTP/2 whose caller waits for an answer before it
// says more: nobody may wait for the caller meanwhile. Over a real connection, with
// the time of a real clock.
func TestBidirectionalStreams(t *testing.T) {
	const method = "/greet.Greeter/Talk"
	type text = wrapperspb.StringValue
	echo := connect.NewBidiStreamHandler(method, func(_ context.Context, stream *connect.BidiStream[text, text]) error {
		for {
			said, err := stream.Receive()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := stream.Send(said); err != nil {
				return err
			}
		}
	})
	talk := steadyhttptest.Reply{Early: true, Handler: echo.ServeHTTP}
	early := func(status int) steadyhttptest.Reply { return steadyhttptest.Reply{Early: true, Status: status} }
	for _, row := range []struct {
		name     string
		replies  []steadyhttptest.Reply
		requests [2]int // bare and with us
		succeeds [2]bool
	}{
		{"answered", script(talk), [2]int{1, 1}, [2]bool{true, true}},
		{"503 early", script(early(503), talk), [2]int{1, 1}, [2]bool{}}, // what a POST did nobody knows
		{"500 early", script(early(500), talk), [2]int{1, 1}, [2]bool{}},
		{"429 early", script(early(429), talk), [2]int{1, 2}, [2]bool{false, true}},
		{"reset", script(steadyhttptest.Reply{Early: true, Drop: true}), [2]int{1, 1}, [2]bool{}},
	} {
		for i, chain := range []func(http.RoundTripper) http.RoundTripper{bare, steady} {
			t.Run(fmt.Sprintf("%s, with us %t", row.name, i == 1), func(t *testing.T) {
				t.Parallel()
				srv := steadyhttptest.NewTLSServer()
				defer srv.Close()
				srv.Script("*", row.replies...)
				client := srv.Client()
				client.Transport = chain(client.Transport)
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				stream := connect.NewClient[text, text](client, srv.URL+method).CallBidiStream(ctx)
				err := converse(stream)
				if succeeded := err == nil; succeeded != row.succeeds[i] || ctx.Err() != nil {
					t.Errorf("got %v, want a success: %t", err, row.succeeds[i])
				}
				if got := len(srv.Requests()); got != row.requests[i] {
					t.Errorf("got %d requests, want %d", got, row.requests[i])
				}
			})
		}
	}
}

// converse says three words, each after the answer to the one before.
func converse(stream *connect.BidiStreamForClient[wrapperspb.StringValue, wrapperspb.StringValue]) error {
	for _, word := range []string{"one", "two", "three"} {
		// Where the call has ended, what Receive says is why.
		if err := stream.Send(wrapperspb.String(word)); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		answer, err := stream.Receive()
		if err != nil {
			return err
		}
		if answer.GetValue() != word {
			return fmt.Errorf("got %q, want %q", answer.GetValue(), word)
		}
	}
	return errors.Join(stream.CloseRequest(), stream.CloseResponse())
}

// Docker's client attaches over a connection that it dials itself. It does so
// whatever the transport of its http.Client is.
func TestDockerAttach(t *testing.T) {
	srv := steadyhttptest.NewServer()
	defer srv.Close()
	srv.Script("/_ping", reply(200, "OK", "Api-Version", "1.50"))
	srv.Script("*", steadyhttptest.Reply{Handler: func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
		line, _ := rw.ReadString('\n')
		io.WriteString(conn, "echo "+line)
	}})
	c, err := newDocker("tcp://"+strings.TrimPrefix(srv.URL, "http://"), &http.Client{Transport: steady(http.DefaultTransport)})
	if err != nil {
		t.Fatal(err)
	}
	attached, err := c.ContainerAttach(t.Context(), "greeter", docker.ContainerAttachOptions{Stream: true, Stdin: true, Stdout: true})
	if err != nil {
		t.Fatal(err)
	}
	defer attached.Close()
	io.WriteString(attached.Conn, "hello\n")
	if got, err := bufio.NewReader(attached.Reader).ReadString('\n'); got != "echo hello\n" {
		t.Errorf("got %q, %v; want the echo", got, err)
	}
}
