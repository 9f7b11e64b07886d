package integration

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// newConnect makes a client of one method, as the code that Connect generates does.
func newConnect[Req, Res any](client *http.Client, method string) *connect.Client[Req, Res] {
	return connect.NewClient[Req, Res](client, "https://api.example/greet.Greeter/"+method)
}

var connectSDK = sdk{
	name:   "connect-go",
	module: "connectrpc.com/connect",
	recipe: "newConnect",
	open: func(client *http.Client) (calls, error) {
		type text = wrapperspb.StringValue
		greet := newConnect[text, text](client, "Greet")
		follow := newConnect[text, text](client, "Follow")
		store := newConnect[wrapperspb.BytesValue, text](client, "Store")
		return calls{
			ask: func(ctx context.Context) (string, error) {
				answer, err := greet.CallUnary(ctx, connect.NewRequest(wrapperspb.String("Ann")))
				if err != nil {
					return "", err
				}
				return answer.Msg.GetValue(), nil
			},
			stream: func(ctx context.Context, each func(string)) error {
				words, err := follow.CallServerStream(ctx, connect.NewRequest(wrapperspb.String("Ann")))
				if err != nil {
					return err
				}
				defer words.Close()
				for words.Receive() {
					each(words.Msg().GetValue())
				}
				return words.Err()
			},
			upload: func(ctx context.Context, file io.Reader) error {
				part, err := io.ReadAll(file)
				if err != nil {
					return err
				}
				parts := store.CallClientStream(ctx)
				_ = parts.Send(wrapperspb.Bytes(part)) // CloseAndReceive says why it failed
				_, err = parts.CloseAndReceive()
				return err
			},
			write: func(ctx context.Context) error {
				_, err := greet.CallUnary(ctx, connect.NewRequest(wrapperspb.String("Ann")))
				return err
			},
		}, nil
	},
	typed: func(err error) (failure, bool) {
		var e *connect.Error
		if !errors.As(err, &e) {
			return failure{}, false
		}
		return failure{code: e.Code().String(), message: e.Message()}, true
	},
	success: reply(200, message("Hello!"), "Content-Type", "application/proto"),
	text:    "Hello!",
	down:    reply(503, `{"code":"unavailable","message":"the service is down"}`, "Content-Type", "application/json"),
	refused: failed{
		reply(404, `{"code":"not_found","message":"there is no such greeting"}`, "Content-Type", "application/json"),
		failure{code: "not_found", message: "there is no such greeting"},
	},
	hopeless: failed{
		reply(403, `{"code":"permission_denied","message":"the account is closed"}`, "Content-Type", "application/json"),
		failure{code: "permission_denied", message: "the account is closed"},
	},
	stream: &stream{
		contentType: "application/connect+proto",
		chunks:      []string{envelope(0, message("Hello")), envelope(0, message(" you!")), envelope(2, `{}`)},
		words:       []string{"Hello", " you!"},
		untimed:     true,
	},
	created: reply(200, envelope(0, message("stored"))+envelope(2, `{}`), "Content-Type", "application/connect+proto"),
	sent:    1, // all that it asks is a POST, which a 503 may have carried out
}

// message is a text as the body of an answer.
func message(text string) string {
	b, _ := proto.Marshal(wrapperspb.String(text)) // cannot fail: it is valid UTF-8
	return string(b)
}

// envelope is a message of a stream in Connect's protocol.
func envelope(flags byte, message string) string {
	return string(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(message)))) + message
}
