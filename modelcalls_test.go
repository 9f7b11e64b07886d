package steadyhttp_test

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/steadyhttp/steadyhttp"
)

const (
	saysChat   = `{"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]}`
	saysInput  = `{"model":"m","stream":true,"input":"x"}`
	saysPrompt = `{"prompt":"x","n_predict":5,"stream":true}`
)

func jsonPost(t testing.TB, url, body string) *http.Request {
	req := request(t, "POST", url, body)
	req.Header.Set("Content-Type", "application/json")
	return req
}

// What is known for a call to a model is repeated after an unknown fate; what keeps state
// as well is watched, and what may be one is noted; and what only looks like one is
// nobody's to interpret.
func TestModelCalls(t *testing.T) {
	const known, watched, noted, strange = "known", "watched", "noted", "strange"
	for _, row := range []struct{ name, url, body, want string }{
		{"Codex", "https://chatgpt.com/backend-api/codex/responses", saysInput, known},
		{"Copilot", "https://api.githubcopilot.com/chat/completions", saysChat, known},
		{"Copilot's responses", "https://api.githubcopilot.com/responses", saysInput, known},
		{"DeepSeek's responses", "https://api.deepseek.com/responses", saysInput, known},
		{"llama.cpp", "http://localhost:8080/completion", saysPrompt, known},
		{"llama.cpp's infill", "http://localhost:8080/infill", `{"input_prefix":"a","input_suffix":"b","n_predict":5}`, known},
		{"KoboldCpp", "http://localhost:5001/api/v1/generate", `{"prompt":"x","max_length":50}`, known},
		{"Triton", "http://localhost:8000/v2/models/m/generate", `{"text_input":"x","parameters":{"stream":true}}`, known},
		{"Triton, with inputs of the model's own", "http://localhost:8000/v2/models/m/versions/1/generate", `{"text_input":"x","max_tokens":5,"pad_id":2}`, known},
		{"Triton's infer", "http://localhost:8000/v2/models/m/infer", `{"inputs":[{"name":"text","shape":[1],"datatype":"BYTES","data":["x"]}]}`, known},
		{"SageMaker", "https://runtime.sagemaker.us-east-1.amazonaws.com/endpoints/m/invocations", `{"inputs":"x"}`, known},
		{"Databricks", "https://dbc-1.cloud.databricks.com/serving-endpoints/m/invocations", `{"messages":[{"role":"user","content":"x"}]}`, known},
		{"Cloudflare", "https://api.cloudflare.com/client/v4/accounts/a/ai/run/@cf/meta/llama-3.1-8b-instruct", `{"prompt":"x"}`, known},
		{"watsonx", "https://us-south.ml.cloud.ibm.com/ml/v1/text/chat_stream", `{"model_id":"m","messages":[{"role":"user","content":"x"}]}`, known},
		{"Ollama", "http://localhost:11434/api/chat", saysChat, known},
		{"Ollama's generate", "http://localhost:11434/api/generate", `{"model":"m","prompt":"x"}`, known},

		{"a text-generation server", "http://localhost:8080/generate", `{"inputs":"x","parameters":{"max_new_tokens":5}}`, known},
		{"a reranker without a model", "http://localhost:8080/rerank", `{"query":"x","texts":["y"]}`, known},
		{"a gateway without a version", "https://llm.example/chat/completions", `{"messages":[{"role":"user","content":"x"}],"trace_id":"t"}`, known},
		{"Ollama with its options", "http://localhost:11434/api/generate", `{"model":"m","prompt":"x","context":[1],"options":{"num_ctx":4096,"anything":1}}`, known},

		{"a generator of contracts", "https://law.example/drafts/generate", `{"prompt":"NDA","parameters":{"party":"ACME"}}`, watched},
		{"a generator of mails", "https://mail.example/drafts/generate", `{"prompt":"write to Ann","stream":false,"to":"ann@example.com"}`, watched},
		{"a generator of coupons", "https://shop.example/coupons/generate", `{"prompt":"SUMMER","max_length":8}`, watched},
		{"what a survey was answered", "https://survey.example/polls/7/responses", `{"input":"yes","model":"survey-3"}`, watched},
		{"a temperature", "https://clinic.example/fevers/1/responses", `{"input":["a"],"temperature":37.5}`, watched},
		{"a habit", "https://habits.example/habits/7/completions", `{"prompt":"water","temperature":20}`, watched},
		{"a customer and an agent", "https://desk.example/api/chat", `{"model":"m","messages":[{"role":"customer","content":"x"}]}`, watched},
		{"an index", "https://search.example/documents/7/embeddings", `{"upsert":true}`, watched},
		{"a playlist", "https://music.example/playlists/7/rerank", `{"track":5,"to":1}`, watched},
		{"a list of what is done", "https://todo.example/chat/completions", `{"done":[1]}`, watched},
		{"a picture that is published", "https://pictures.example/v1/images/generations", `{"prompt":"x","publish":true}`, watched},

		{"Gemini's interactions", "https://generativelanguage.googleapis.com/v1beta/interactions", saysInput, watched},
		{"Mistral's conversations", "https://api.mistral.ai/v1/conversations/c1", `{"inputs":"x","stream":true}`, watched},
		{"an input at an unknown path", "https://llm.example/proxy/ask", saysInput, noted},
		{"a prompt for a picture", "https://pictures.example/create", `{"model":"m","prompt":"x"}`, noted},
		{"the name of a model and a text", "https://shop.example/export", `{"model":"orders","query":"failed"}`, noted},
		{"Lambda", "https://lambda.us-east-1.amazonaws.com/2015-03-31/functions/f/invocations", saysInput, noted},

		{"a shop's chat", "https://shop.example/api/chat", `{"customer":7,"text":"hello"}`, strange},
		{"a shop's generator", "https://shop.example/api/generate", `{"kind":"invoice","order":17}`, strange},
		{"an order", "https://shop.example/orders/completion", `{"order":17,"status":"complete"}`, strange},
		{"answers to a survey", "https://survey.example/surveys/7/responses", `{"text":"fine"}`, strange},
		{"a GraphQL mutation", "https://api.example/v2/mutate", `{"query":"mutation { pay }","variables":{"input":{"model":"m"}}}`, strange},
		{"an agent", "https://api.example/agents/a1/act", saysInput, strange},
		{"a video", "https://api.example/v1/videos", `{"model":"m","prompt":"x"}`, strange},
		{"a job", "https://api.example/v1/jobs", saysChat, strange},
		{"a car", "https://cars.example/v1/orders", `{"model":"XC90","colour":"red"}`, strange},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				broken := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
					n++
					req.Body.Close()
					return nil, errReset
				})
				(&steadyhttp.Transport{Base: broken, Retrier: &steadyhttp.Retrier{MaxAttempts: 2}}).RoundTrip(jsonPost(t, row.url, row.body))
				if want := map[string]int{known: 2, watched: 1, noted: 1, strange: 1}[row.want]; n != want {
					t.Errorf("sent %d times after a lost connection, want %d", n, want)
				}
				// After output, so that nothing is repeated.
				stream := chatEvents[1] + chatError
				ctx := steadyhttp.WithCall(t.Context())
				resp, err := (&steadyhttp.Transport{Base: streaming(sending(io.EOF, whole(stream)...))}).RoundTrip(jsonPost(t, row.url, row.body).WithContext(ctx))
				if err != nil {
					t.Fatal(err)
				}
				got, end := readTo(resp.Body, 1<<10)
				tells := row.want == known || row.want == watched
				if told := end != io.EOF; got != stream || told != tells {
					t.Errorf("a late error: got %d bytes and %v, want all %d and to be told of it: %t", len(got), end, len(stream), tells)
				}
				if e := callOf(t, ctx).Error; (e != nil) != (row.want != strange) {
					t.Errorf("a late error: got %v on record, want it there: %t", e, row.want != strange)
				}
				resp.Body.Close()
			})
		})
	}
}
