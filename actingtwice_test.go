package steadyhttp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/steadyhttp/steadyhttp"
)

// The repeat of a conditional write that was carried out would meet its own effect.
func TestConditionalWritesAreSentOnce(t *testing.T) {
	const json = "Content-Type: application/json"
	for _, row := range []struct {
		method, url, header, body string
		repeated                  bool
	}{
		{"PUT", "https://store.example/k", `If-Match: "v1"`, "", false},
		{"PUT", "https://store.example/k", "If-None-Match: *", "", false},
		{"DELETE", "https://store.example/k", "If-Unmodified-Since: Sat, 28 Nov 2026 08:00:00 GMT", "", false},
		{"PUT", "https://dav.example/k", "If: (<opaquelocktoken:1>)", "x", false},
		{"PUT", "https://store.example/k", "X-Contentful-Version: 4", "{}", false},
		{"PUT", "https://store.example/k", "Content-Range: bytes 0-4/10", "01234", false},
		{"PUT", "https://sync.example/k", "X-If-Unmodified-Since: 1", "{}", false},
		{"PUT", "https://upload.example/k", "Upload-Offset: 4096", "01234", false},
		{"PUT", "https://store.example/k", "X-Notify-Interval: 1", "", true},
		{"DELETE", "https://store.example/k?lockVersion=3", "", "", false},
		{"PUT", "https://a.blob.core.windows.net/c/b?comp=lease", "X-Ms-Lease-Action: acquire", "", false},
		{"PUT", "https://storage.googleapis.com/b/k", "X-Goog-If-Generation-Match: 0", "", false},
		{"DELETE", "https://storage.googleapis.com/storage/v1/b/b/o/k?ifGenerationMatch=7", "", "", false},
		{"PUT", "https://search.example/i/_doc/1?if_primary_term=1&if_seq_no=7", "", "", false},
		{"PUT", "https://search.example/i/_doc/1?op_type=create", "", "{}", false},
		{"PUT", "https://search.example/i/_create/1", "", "{}", false},
		{"DELETE", "https://search.example/i/_doc/1?version=5&version_type=external", "", "", false},
		{"DELETE", "https://search.example/i/_doc/1?version=v2", "", "", true},
		{"PUT", "http://127.0.0.1:8500/v1/kv/leader?cas=7", "", "", false},
		{"DELETE", "http://127.0.0.1:8500/v1/kv/leader?dc=a&cas=7", "", "", false},
		{"PUT", "http://127.0.0.1:8500/v1/txn", "", `[{"KV":{"Verb":"cas"}}]`, false},
		{"PUT", "http://127.0.0.1:2379/v2/keys/k?prevExist=false", "", "", false},
		{"DELETE", "http://127.0.0.1:5984/db/doc?rev=1-abc", "", "", false},
		{"DELETE", "https://a.queue.core.windows.net/q/messages/1?popreceipt=AgAA", "", "", false},
		{"DELETE", "https://firestore.googleapis.com/v1/projects/p/databases/d/documents/k/1?currentDocument.exists=true", "", "", false},
		{"PUT", "http://127.0.0.1:8500/v1/kv/leader?dc=cas", "", "", true},
		{"PUT", "https://store.example/k", "", "", true},
		{"GET", "https://store.example/k?cas=7", "", "", true},
		{"GET", "https://store.example/k", `If-None-Match: "v1"`, "", true},

		{"PUT", "https://10.0.0.1/api/v1/namespaces/d/configmaps/c", json, `{"metadata":{"name":"c","resourceVersion":"41"},"data":{}}`, false},
		{"PUT", "https://10.0.0.1/api/v1/namespaces/d/configmaps/c", json, `{"metadata":{"name":"c","resourceVersion":""},"data":{}}`, true},
		{"DELETE", "https://10.0.0.1/api/v1/namespaces/d/pods/p", json, `{"preconditions":{"resourceVersion":"41"}}`, false},
		{"PUT", "http://127.0.0.1:5984/db/doc", "", `{"_id":"doc","_rev":"1-abc"}`, false},
		{"PUT", "https://api.github.com/repos/o/r/contents/a", json, `{"content":"YQ==","sha":"95b966ae"}`, false},
		{"PUT", "https://x.atlassian.net/wiki/api/v2/pages/1", json, `{"title":"t","version":{"number":5}}`, false},
		{"PUT", "https://bitbucket.example/rest/api/1.0/projects/P/repos/r/pull-requests/1", json, `{"title":"t","version":0}`, false},
		{"PUT", "http://127.0.0.1:8200/v1/secret/data/x", json, `{"options":{"cas":0},"data":{"a":"b"}}`, false},
		{"PUT", "http://127.0.0.1:4646/v1/jobs", json, `{"Job":{"ID":"j"},"EnforceIndex":true,"JobModifyIndex":7}`, false},
		{"PUT", "http://127.0.0.1:4646/v1/jobs", json, `{"Job":{"ID":"j"},"EnforceIndex":false}`, true},
		{"PUT", "https://bucket.s3.amazonaws.com/?policy", json, `{"Version":"2012-10-17","Statement":[]}`, true},
		{"PUT", "https://store.example/k", json, `{"name":"x","tags":[{"rev":1}]}`, true},
		{"GET", "https://search.example/i/_search", json, `{"version":1}`, true},
		{"PATCH", "https://store.example/k", json, `{"name":"x"}`, false},
	} {
		call := func(t *testing.T) *http.Request {
			return withLine(request(t, row.method, row.url, row.body), row.header)
		}
		if got := attemptsAt(t, &steadyhttp.Retrier{}, call, reply{err: syscall.ECONNRESET}) == 2; got != row.repeated {
			t.Errorf("%s %s %s %s: repeated after a reset: got %t, want %t", row.method, row.url, row.header, row.body, got, row.repeated)
		}
	}
}

// A loop that reads, changes and writes until nobody has written in between, as
// Kubernetes' RetryOnConflict, would take its own write for somebody else's.
func TestReadModifyWrite(t *testing.T) {
	counter, version := 0, 1
	base := replying(func(req *http.Request) reply {
		if req.Method == "GET" {
			return reply{status: 200, body: fmt.Sprintf(`{"metadata":{"resourceVersion":"%d"},"data":%d}`, version, counter)}
		}
		var sent struct {
			Metadata struct {
				ResourceVersion int `json:",string"`
			}
			Data int
		}
		if err := json.NewDecoder(req.Body).Decode(&sent); err != nil {
			t.Error(err)
		}
		if sent.Metadata.ResourceVersion != version {
			return reply{status: 409}
		}
		counter, version = sent.Data, version+1
		return reply{err: syscall.ECONNRESET} // after the work
	})
	client := &http.Client{Transport: &steadyhttp.Transport{Base: base}}
	synctest.Test(t, func(t *testing.T) {
		for range 3 {
			resp, err := client.Do(request(t, "GET", "https://10.0.0.1/api/v1/things/a", ""))
			if err != nil {
				t.Fatal(err)
			}
			var read struct {
				Metadata map[string]string `json:"metadata"`
				Data     int               `json:"data"`
			}
			if err := json.Unmarshal([]byte(finish(t, resp)), &read); err != nil {
				t.Fatal(err)
			}
			read.Data++
			body, _ := json.Marshal(read)
			resp, err = client.Do(withLine(request(t, "PUT", "https://10.0.0.1/api/v1/things/a", string(body)), "Content-Type: application/json"))
			if err != nil {
				return // nobody knows whether it was counted, and the loop ends
			}
			finish(t, resp)
		}
	})
	if counter != 1 {
		t.Errorf("counted %d times, want once as over the bare base", counter)
	}
}

// What was never sent is repeated all the same, though a PUT is not watched on its way.
func TestConditionalWriteThatCannotConnect(t *testing.T) {
	for _, row := range []struct {
		name  string
		stack func(http.RoundTripper) http.RoundTripper
		dials int
	}{
		{"right over net/http", func(base http.RoundTripper) http.RoundTripper { return base }, 2},
		{"over wrappers of ours", func(base http.RoundTripper) http.RoundTripper {
			return &steadyhttp.Throttler{Base: &steadyhttp.Classifier{Base: base}}
		}, 2},
		{"over a stranger, who may have sent it before", func(base http.RoundTripper) http.RoundTripper { return roundTripperFunc(base.RoundTrip) }, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dials := 0
				base := &http.Transport{DialContext: func(_ context.Context, network, addr string) (net.Conn, error) {
					dials++
					return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
				}}
				rt := &steadyhttp.Transport{Base: row.stack(base), Retrier: &steadyhttp.Retrier{MaxAttempts: 2}}
				req := request(t, "PUT", "http://10.0.0.1/api/v1/things/a", `{"metadata":{"resourceVersion":"41"}}`)
				if _, err := rt.RoundTrip(withLine(req, "Content-Type: application/json")); err == nil || dials != row.dials {
					t.Errorf("got %v after %d dials, want an error after %d", err, dials, row.dials)
				}
			})
		})
	}
}

// Not every request that is carried out twice leaves what it left the first time, though
// its method says so.
func TestRequestsThatAddAreSentOnce(t *testing.T) {
	for _, row := range []struct {
		method, url, header, body string
		repeated                  bool
	}{
		{"PUT", "https://a.blob.core.windows.net/logs/today?comp=appendblock", "", "", false},
		{"PUT", "https://a.blob.core.windows.net/logs/today?timeout=9&comp=appendblock", "", "", false},
		{"PUT", "https://a.blob.core.windows.net/logs/today?comp=snapshot", "", "", false},
		{"PUT", "https://bucket--x.s3.example/logs/today", "X-Amz-Write-Offset-Bytes: 4096", "", false},
		{"PUT", "http://127.0.0.1:8500/v1/session/create", "", "", false},
		{"PUT", "http://127.0.0.1:8500/v1/event/fire/deploy?dc=a", "", "", false},
		{"PUT", "http://127.0.0.1:8500/v1/acl/token", "", "{}", false},
		{"PUT", "http://127.0.0.1:4646/v1/job/report/dispatch", "", "", false},
		{"PUT", "http://127.0.0.1:4646/v1/job/report/periodic/force", "", "", false},
		{"PUT", "http://127.0.0.1:8200/v1/pki/issue/web", "X-Vault-Token: t", "{}", false},
		{"PUT", "http://127.0.0.1:8200/v1/auth/token/create", "X-Vault-Request: true", "{}", false},
		{"PUT", "http://127.0.0.1:8200/v1/secret/data/x", "X-Vault-Token: t", `{"data":{"a":"b"}}`, true},
		{"PUT", "https://api.xero.com/api.xro/2.0/Invoices", "", `{"Invoices":[]}`, false},
		{"PUT", "https://x.zendesk.com/api/v2/tickets/1.json", "", `{"ticket":{"comment":{"body":"Thanks!"}}}`, false},
		{"PUT", "https://x.zendesk.com/api/v2/tickets/1.json", "", `{"ticket":{"status":"open"}}`, true},
		{"PUT", "https://redmine.example/issues/1.json", "", `{"issue":{"notes":"done"}}`, false},
		{"PUT", "https://redmine.example/issues/1.json", "", `{"issue":{"notes":"","subject":"x"}}`, true},
		{"PUT", "https://jira.example/rest/api/2/issue/A-1", "", `{"update":{"comment":[{"add":{"body":"done"}}]}}`, false},
		{"PUT", "https://bugzilla.example/rest/bug/1", "", `{"comment":{"body":"done"}}`, false},
		{"PUT", "https://x.example/api/now/table/incident/1", "", `{"work_notes":"done"}`, false},
		{"PUT", "https://api.example/counters/7", "", `{"increment":5}`, false},
		{"PUT", "https://api.example/notes/7", "", `{"comment":"done"}`, true},
		{"PUT", "https://kc.example/admin/realms/r/users/1/send-verify-email", "", "", false},
		{"PUT", "https://api.example/counters/7/increment", "", "", false},
		{"PUT", "https://api.example/devices/7/toggle", "", "", false},
		{"PUT", "https://api.example/accounts/7/deposit", "", "{}", false},
		{"PUT", "https://api.example/keys/7/rotate/", "", "", false},
		{"PUT", "https://api.github.com/repos/o/r/pulls/7/merge", "", "", false},
		{"DELETE", "https://api.example/queue/7/pop", "", "", false},
		{"PUT", "http://127.0.0.1:8500/v1/session/renew/1", "", "", true},
		{"PUT", "http://127.0.0.1:8500/v1/acl/token/7", "", "{}", true},
		{"PUT", "http://127.0.0.1:4646/v1/job/report/stable", "", "", true},
		{"PUT", "https://a.blob.core.windows.net/logs/today?comp=block&blockid=MQ", "", "", true},
		{"PUT", "https://api.example/k?note=comp%3Dappendblock", "", "", true},
		{"PUT", "https://api.example/users/7/settings", "", "{}", true},
		{"PUT", "https://api.example/users/7/email", "", "{}", true},
		{"PUT", "https://api.example/users/7/add-ons", "", "{}", true},
		{"PUT", "https://files.example/bucket/run-7", "", "x", true},
		{"PUT", "https://files.example/bucket/send.csv", "", "x", true},
		{"PUT", "https://bucket.s3.amazonaws.com/toggle", "", "x", true},
		{"PUT", "http://127.0.0.1:8500/v1/kv/app/next", "", "x", true},
		{"DELETE", "https://api.example/users/7/posts/9", "", "", true},

		{"GET", "https://api.telegram.org/bot1:a/sendMessage?chat_id=1&text=hi", "", "", false},
		{"GET", "http://127.0.0.1:8081/bot1:a/sendInvoice", "", "", false},
		{"GET", "https://slack.com/api/chat.postMessage?channel=C&text=hi", "", "", false},
		{"GET", "https://api.vk.com/method/messages.send?message=hi", "", "", false},
		{"GET", "https://rest.nexmo.com/sms/json?to=1", "", "", false},
		{"GET", "https://platform.clickatell.com/messages/http/send?to=1", "", "", false},
		{"GET", "https://maker.ifttt.com/trigger/door_open/with/key/k", "", "", false},
		{"GET", "https://sctapi.ftqq.com/KEY.send?title=hi", "", "", false},
		{"GET", "https://ntfy.sh/mytopic/publish?message=hi", "", "", false},
		{"GET", "https://jenkins.example/job/deploy/build?token=t", "", "", false},
		{"GET", "http://192.168.1.5/relay/0?turn=toggle", "", "", false},
		{"GET", "http://192.168.1.6/cm?cmnd=Power%20TOGGLE", "", "", false},
		{"GET", "http://ha.local:8123/api/webhook/garage", "", "", false},
		{"GET", "https://api.example/queue/pop", "", "", false},
		{"GET", "https://api.example/sendReply", "", "", false},
		{"GET", "https://api.example/send.php?to=ann", "", "", false},
		{"GET", "https://jenkins.example/job/deploy/buildWithParameters?v=1", "", "", false},
		{"GET", "http://127.0.0.1:8200/v1/database/creds/app", "X-Vault-Token: t", "", false},
		{"GET", "https://sqs.us-east-1.amazonaws.com/1/q?Action=SendMessage&MessageBody=x", "", "", false},
		{"GET", "https://ecs.aliyuncs.com/?Action=RunInstances", "", "", false},
		{"GET", "https://ec2.amazonaws.com/?Action=DescribeInstances", "", "", true},
		{"GET", "http://fritz.box/webservices/homeautoswitch.lua?switchcmd=setswitchtoggle", "", "", false},
		{"GET", "http://192.168.1.5/rpc/Switch.Toggle?id=0", "", "", false},
		{"GET", "https://api.green-api.com/waInstance1/sendMessage/token", "", "", false},
		{"GET", "https://api.kavenegar.com/v1/KEY/sms/send.json?receptor=1", "", "", false},
		{"GET", "https://hooks.zapier.com/hooks/catch/1/2/", "", "", false},
		{"GET", "https://api.render.com/deploy/srv-1?key=k", "", "", false},
		{"GET", "https://api.example/flags/?name=dark-mode-toggle", "", "", true},
		{"GET", "https://api.example/senders/7/mails", "", "", true},
		{"HEAD", "https://api.example/send", "", "", true},
		{"GET", "https://api.telegram.org/bot1:a/getUpdates", "", "", true},
		{"GET", "https://slack.com/api/conversations.history", "", "", true},
		{"GET", "https://slack.com/api/conversations.replies?ts=1", "", "", true},
		{"GET", "https://api.vk.com/method/messages.getHistory", "", "", true},
		{"GET", "https://api.example/posts", "", "", true},
		{"GET", "https://api.example/post/7", "", "", true},
		{"GET", "https://api.example/messages/sent", "", "", true},
		{"GET", "https://api.example/senders", "", "", true},
		{"GET", "https://api.example/triggers/7", "", "", true},
		{"GET", "https://api.example/repos/7/webhooks", "", "", true},
		{"GET", "https://api.example/publishers", "", "", true},
		{"GET", "https://api.example/publish-status", "", "", true},
		{"GET", "https://www.example/js/toggle.js", "", "", true},
		{"GET", "https://music.example/genres/pop", "", "", true},
		{"GET", "https://jenkins.example/job/deploy/7/build-log", "", "", true},
		{"GET", "https://api.example/flags?name=toggles", "", "", true},
		{"GET", "https://api.example/transfers/7", "", "", true},
	} {
		call := func(t *testing.T) *http.Request {
			return withLine(request(t, row.method, row.url, row.body), row.header)
		}
		if got := attemptsAt(t, &steadyhttp.Retrier{}, call, reply{err: syscall.ECONNRESET}) == 2; got != row.repeated {
			t.Errorf("%s %s %s %s: repeated after a reset: got %t, want %t", row.method, row.url, row.header, row.body, got, row.repeated)
		}
	}
}
