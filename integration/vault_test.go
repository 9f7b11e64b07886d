package integration

import (
	"context"
	"errors"
	"net/http"
	"strings"

	vault "github.com/hashicorp/vault/api"
)

func newVault(client *http.Client) (*vault.Client, error) {
	config := vault.DefaultConfig() // its own client leaves redirects to Vault's: keep that
	config.HttpClient.Transport = client.Transport
	return vault.NewClient(config)
}

var vaultSDK = sdk{
	name:   "Vault api",
	module: "github.com/hashicorp/vault/api",
	recipe: "newVault",
	open: func(client *http.Client) (calls, error) {
		c, err := newVault(client)
		return vaultCalls(c), err
	},
	off: `config.MaxRetries = 0`,
	once: func(client *http.Client) (calls, error) {
		config := vault.DefaultConfig()
		config.HttpClient.Transport = client.Transport
		config.MaxRetries = 0
		c, err := vault.NewClient(config)
		return vaultCalls(c), err
	},
	typed: func(err error) (failure, bool) {
		var e *vault.ResponseError
		if !errors.As(err, &e) {
			return failure{}, false
		}
		return failure{status: e.StatusCode, message: strings.Join(e.Errors, ", ")}, true
	},
	success: reply(200, `{"data":{"data":{"text":"steady"},"metadata":{"version":1,"created_time":"2026-01-02T03:04:05Z"}}}`),
	text:    "steady",
	down:    reply(503, `{"errors":["Vault is sealed"]}`),
	refused: failed{
		reply(403, `{"errors":["permission denied"]}`),
		failure{status: 403, message: "permission denied"},
	},
	hopeless: failed{
		reply(405, `{"errors":["unsupported operation"]}`),
		failure{status: 405, message: "unsupported operation"},
	},
	sent:     attempts + 2, // it goes on by itself after our last attempt, and gets one request for each of its own
	deadline: true,
	applied:  3, // by its own retries, which ask for no method: the same without us
}

func vaultCalls(c *vault.Client) calls {
	return calls{
		ask: func(ctx context.Context) (string, error) {
			secret, err := c.KVv2("secret").Get(ctx, "greeting")
			if err != nil {
				return "", err
			}
			return secret.Data["text"].(string), nil
		},
		write: func(ctx context.Context) error {
			// Most of what it writes it sends as a PUT, which may come twice by its very definition. This is a PATCH.
			_, err := c.Logical().JSONMergePatch(ctx, "secret/data/greeting", map[string]any{"data": map[string]any{"text": "hello"}})
			return err
		},
	}
}
