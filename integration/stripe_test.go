package integration

import (
	"context"
	"errors"
	"io"
	"net/http"

	stripe "github.com/stripe/stripe-go/v85"
)

func newStripe(client *http.Client) *stripe.Client {
	return stripe.NewClient("test-key", stripe.WithBackends(stripe.NewBackends(client)))
}

var stripeSDK = sdk{
	name:   "stripe-go",
	module: "github.com/stripe/stripe-go/v85",
	recipe: "newStripe",
	open:   func(client *http.Client) (calls, error) { return stripeCalls(newStripe(client)), nil },
	off:    `MaxNetworkRetries: stripe.Int64(0)`,
	once: func(client *http.Client) (calls, error) {
		config := &stripe.BackendConfig{HTTPClient: client, MaxNetworkRetries: stripe.Int64(0)}
		backends := stripe.NewBackendsWithConfig(config)
		return stripeCalls(stripe.NewClient("test-key", stripe.WithBackends(backends))), nil
	},
	typed: func(err error) (failure, bool) {
		var e *stripe.Error
		if !errors.As(err, &e) {
			return failure{}, false
		}
		return failure{e.HTTPStatusCode, string(e.Code), e.Msg, e.RequestID}, true
	},
	success: reply(200, `{"id":"cus_1","object":"customer","name":"Ann"}`),
	text:    "Ann",
	down:    reply(503, `{"error":{"type":"api_error","message":"The service is down."}}`),
	refused: failed{
		reply(404, `{"error":{"type":"invalid_request_error","code":"resource_missing","message":"No such customer."}}`, "Request-Id", "req_404"),
		failure{404, "resource_missing", "No such customer.", "req_404"},
	},
	hopeless: failed{
		reply(402, `{"error":{"type":"card_error","code":"card_declined","message":"Your card was declined."}}`, "Request-Id", "req_402"),
		failure{402, "card_declined", "Your card was declined.", "req_402"},
	},
	created: reply(200, `{"id":"file_1","object":"file"}`),
}

func stripeCalls(c *stripe.Client) calls {
	return calls{
		ask: func(ctx context.Context) (string, error) {
			customer, err := c.V1Customers.Retrieve(ctx, "cus_1", nil)
			if err != nil {
				return "", err
			}
			return customer.Name, nil
		},
		upload: func(ctx context.Context, file io.Reader) error {
			_, err := c.V1Files.Create(ctx, &stripe.FileCreateParams{
				FileReader: file, Filename: stripe.String("notes.txt"), Purpose: stripe.String("dispute_evidence"),
			})
			return err
		},
		write: func(ctx context.Context) error {
			_, err := c.V1Customers.Create(ctx, &stripe.CustomerCreateParams{Name: stripe.String("Ann")})
			return err
		},
	}
}
