package integration

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/elastic/elastic-transport-go/v8/elastictransport"
	elasticsearch "github.com/elastic/go-elasticsearch/v9"
	"github.com/elastic/go-elasticsearch/v9/typedapi/types"
)

func newElastic(client *http.Client) (*elasticsearch.TypedClient, error) {
	return elasticsearch.NewTyped(
		elasticsearch.WithAddresses("https://search.example:9200"),
		elasticsearch.WithTransportOptions(elastictransport.WithTransport(client.Transport)),
	)
}

var elasticSDK = sdk{
	name:   "go-elasticsearch",
	module: "github.com/elastic/go-elasticsearch/v9",
	recipe: "newElastic",
	open: func(client *http.Client) (calls, error) {
		c, err := newElastic(client)
		return elasticCalls(c), err
	},
	off: `elastictransport.WithDisableRetry()`,
	once: func(client *http.Client) (calls, error) {
		c, err := elasticsearch.NewTyped(
			elasticsearch.WithAddresses("https://search.example:9200"),
			elasticsearch.WithTransportOptions(elastictransport.WithTransport(client.Transport), elastictransport.WithDisableRetry()),
		)
		return elasticCalls(c), err
	},
	typed: func(err error) (failure, bool) {
		var e *types.ElasticsearchError
		if !errors.As(err, &e) {
			return failure{}, false
		}
		return failure{status: e.Status, code: e.ErrorCause.Type, message: *e.ErrorCause.Reason}, true
	},
	success: reply(200, `{"_index":"greetings","_id":"1","found":true,"_source":{"text":"Hello!"}}`, "X-Elastic-Product", "Elasticsearch"),
	text:    "Hello!",
	down:    reply(503, `{"error":{"type":"cluster_block_exception","reason":"no master"},"status":503}`, "X-Elastic-Product", "Elasticsearch"),
	refused: failed{
		reply(400, `{"error":{"type":"illegal_argument_exception","reason":"no such parameter"},"status":400}`, "X-Elastic-Product", "Elasticsearch"),
		failure{status: 400, code: "illegal_argument_exception", message: "no such parameter"},
	},
	hopeless: failed{
		reply(403, `{"error":{"type":"security_exception","reason":"current license is non-compliant"},"status":403}`, "X-Elastic-Product", "Elasticsearch"),
		failure{status: 403, code: "security_exception", message: "current license is non-compliant"},
	},
	sent:    attempts + 3, // it goes on by itself after our last attempt, and gets one request for each of its own
	applied: 4,            // by its own retries, which ask for no method: the same without us
}

func elasticCalls(c *elasticsearch.TypedClient) calls {
	return calls{
		ask: func(ctx context.Context) (string, error) {
			doc, err := c.Get("greetings", "1").Do(ctx)
			if err != nil {
				return "", err
			}
			var source struct{ Text string }
			err = json.Unmarshal(doc.Source_, &source)
			return source.Text, err
		},
		write: func(ctx context.Context) error {
			_, err := c.Index("greetings").Document(map[string]string{"text": "Hello!"}).Do(ctx)
			return err
		},
	}
}
