package credential

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// A signer makes the i-th request of who.
type signer func(req *http.Request, who string, i int)

func header(name, format string) signer {
	return func(req *http.Request, who string, i int) { req.Header.Set(name, fill(format, who, i)) }
}

func query(format string) signer {
	return func(req *http.Request, who string, i int) { req.URL.RawQuery = fill(format, who, i) }
}

func basic(format string) signer {
	return func(req *http.Request, who string, i int) {
		req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(fill(format, who, i))))
	}
}

func bearer(claims string) signer {
	return func(req *http.Request, who string, i int) {
		req.Header.Set("Authorization", fmt.Sprintf("Bearer %s%d", token(fill(claims, who, i)), i))
	}
}

func both(a, b signer) signer {
	return func(req *http.Request, who string, i int) { a(req, who, i); b(req, who, i) }
}

// fill puts who in the place of WHO, and what differs each time in that of N (a
// number) and SIG (64 hexadecimal digits).
func fill(format, who string, i int) string {
	return strings.NewReplacer("WHO", who, "SIG", fmt.Sprintf("%064x", i), "#N", fmt.Sprint(1764201600+i), "DAY", fmt.Sprintf("%02d", 10+i)).Replace(format)
}

func hashOf(t testing.TB, rawURL string, sign signer, who string, i int, salt string) uint64 {
	t.Helper()
	req, err := http.NewRequest("POST", rawURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	sign(req, who, i)
	return Hash(req, salt)
}

// All requests of one caller have one hash, and those of another have another.
func TestOneHashForEachCaller(t *testing.T) {
	for _, row := range []struct {
		name string
		sign signer
	}{
		{"a bearer token", header("Authorization", "Bearer WHO")},
		{"a bearer token, the scheme in small letters", header("authorization", "bearer WHO")},
		{"no scheme at all", header("Authorization", "lin_api_WHO")},
		{"any scheme", header("Authorization", "GenieKey WHO")},
		{"a key that ends like base64", header("Authorization", "Token WHO==")},
		{"PagerDuty: token=", header("Authorization", "Token token=WHO")},
		{"a key with a version before it", header("Authorization", "Token v1:WHO")},
		{"AWS Signature V4", both(header("X-Amz-Date", "202611DAYT000000Z"), header("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAWHO/20261127/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date, Signature=SIG"))},
		{"AWS Signature V4, on another day and without spaces", header("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAWHO/202611DAY/us-east-1/s3/aws4_request,SignedHeaders=host,Signature=SIG")},
		{"AWS Signature V4 with a session token", both(header("X-Amz-Security-Token", "SIG"), header("Authorization", "AWS4-HMAC-SHA256 Credential=ASIAWHO/20261127/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=SIG"))},
		{"AWS Signature V4A", header("Authorization", "AWS4-ECDSA-P256-SHA256 Credential=AKIAWHO/20261127/s3/aws4_request, SignedHeaders=host, Signature=SIG")},
		{"AWS Signature V4 in the query", query("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAWHO%2F20261127%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=#N&X-Amz-Security-Token=SIG&X-Amz-Signature=SIG")},
		{"AWS Signature V2", header("Authorization", "AWS AKIAWHO:SIG=")},
		{"AWS Signature V2 in the query", query("AWSAccessKeyId=AKIAWHO&Expires=#N&Signature=SIG")},
		{"CloudFront", query("Expires=#N&Signature=SIG&Key-Pair-Id=KWHO")},
		{"OAuth 1", header("Authorization", `OAuth realm="", oauth_consumer_key="app", oauth_nonce="nSIG", oauth_signature="sSIG%3D", oauth_signature_method="HMAC-SHA1", oauth_timestamp="#N", oauth_token="WHO", oauth_version="1.0"`)},
		{"OAuth 1 without a user", header("Authorization", `OAuth oauth_consumer_key="WHO",oauth_nonce="SIG",oauth_signature="SIG",oauth_timestamp="#N",oauth_token=""`)},
		{"OAuth 1 in the query", query("oauth_consumer_key=app&oauth_nonce=SIG&oauth_timestamp=#N&oauth_token=WHO&oauth_signature=SIG")},
		{"Azure Storage", header("Authorization", "SharedKey WHO:SIG=")},
		{"Azure Tables", header("Authorization", "SharedKeyLite WHO:SIG=")},
		{"Azure App Configuration", both(header("Sync-Token", "SIG"), header("Authorization", "HMAC-SHA256 Credential=a/WHO&SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=SIG="))},
		{"Azure Service Bus", header("Authorization", "SharedAccessSignature sr=https%3a%2f%2fhost%2fq&sig=SIG&se=#N&skn=WHO")},
		{"Azure, a user's delegation", query("sv=2024-11-04&se=#N&skoid=WHO&sktid=tenant&sig=SIG")},
		{"Azure Cosmos DB with Microsoft's identity", header("Authorization", "type%3daad%26ver%3d#N%26sig%3dWHO")},
		{"Google Cloud Storage, signed", query("GoogleAccessId=WHO%40project.iam.gserviceaccount.com&Expires=#N&Signature=SIG")},
		{"Google Cloud Storage, signed anew", query("X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=WHO%40p.iam.gserviceaccount.com%2F20261127%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Date=#N&X-Goog-Signature=SIG")},
		{"Tencent Cloud", header("Authorization", "TC3-HMAC-SHA256 Credential=WHO/2026-11-DAY/cvm/tc3_request, SignedHeaders=content-type;host, Signature=SIG")},
		{"Tencent COS", header("Authorization", "q-sign-algorithm=sha1&q-ak=WHO&q-sign-time=#N;#N&q-key-time=#N;#N&q-header-list=host&q-url-param-list=&q-signature=SIG")},
		{"Alibaba Cloud", header("Authorization", "ACS3-HMAC-SHA256 Credential=WHO,SignedHeaders=host;x-acs-action,Signature=SIG")},
		{"Alibaba OSS", header("Authorization", "OSS WHO:SIG")},
		{"Alibaba, in the query", query("AccessKeyId=WHO&SignatureNonce=SIG&Timestamp=#N&ClientToken=SIG&Signature=SIG")},
		{"Baidu", header("Authorization", "bce-auth-v1/WHO/#N/1800/host;x-bce-date/SIG")},
		{"a scheme as long as is looked at", header("Authorization", strings.Repeat("x", maxName-4)+"hmac WHO:SIG")},
		{"a scheme that is longer", header("Authorization", strings.Repeat("x", maxName-3)+"hmac WHO")},
		{"parameters of two letters pass", header("Authorization", `Acme tenant="WHO", ts="#N"`)},
		{"a parameter as long as is looked at", header("Authorization", "Acme "+strings.Repeat("x", maxName)+`="WHO", `+strings.Repeat("y", maxName+1)+`="#N"`)},
		{"nothing but parameters of one request", header("Authorization", `WHO ts="#N", sig="SIG"`)},
		{"parameters beside the one that names a key", header("Authorization", `Acme id="WHO", seq="#N"`)},
		{"a parameter without a value", header("Authorization", "Acme user=,ts=#N,kid=WHO")},
		{"a parameter without a name", header("Authorization", `Acme a="1", =b, id="WHO"`)},
		{"a key that begins with an equal sign", header("Authorization", "Acme =WHO")},
		{"a date with a nine", header("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAWHO/202909DAY/us-east-1/s3/aws4_request,Signature=SIG")},
		{"a key that ends with a date", header("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAWHO/20261127,Signature=SIG")},
		{"a long name of a parameter", query(strings.Repeat("a", maxName-8) + "_api_key=WHO&" + strings.Repeat("a", maxName-7) + "_api_key=SIG")},
		{"a long name of a cookie", header("Cookie", strings.Repeat("a", maxName-3)+"sid=WHO; "+strings.Repeat("a", maxName-2)+"sid=SIG")},
		{"Akamai", header("Authorization", "EG1-HMAC-SHA256 client_token=WHO;access_token=a;timestamp=#N;nonce=SIG;signature=SIG")},
		{"Kong's HMAC", header("Authorization", `hmac username="WHO", algorithm="hmac-sha256", headers="date request-line", signature="SIG"`)},
		{"Hawk", header("Authorization", `Hawk id="WHO", ts="#N", nonce="SIG", mac="SIG="`)},
		{"an HTTP signature", header("Authorization", `Signature version="1",keyId="ocid1.tenancy/WHO/aa:bb",algorithm="rsa-sha256",headers="(request-target) host date",signature="SIG"`)},
		{"an HTTP signature in a header of its own", header("Signature", `keyId="https://social.example.com/WHO#main-key",headers="date",signature="SIG"`)},
		{"RFC 9421", both(header("Signature", "sig1=:SIG=:"), header("Signature-Input", `sig1=("@method" "@authority" "content-digest");created=#N;keyid="WHO";nonce="SIG"`))},
		{"a signature with parameters of its own", header("Authorization", `Acme tenant="WHO", stamp="#N", signature="SIG"`)},
		{"Digest", header("Authorization", `Digest username="WHO", realm="r", nonce="SIG", uri="/items/#N", nc=00000001, cnonce="SIG", response="SIG", opaque="SIG"`)},
		{"Digest, a user of any letters", header("Authorization", `Digest username*=UTF-8''J%C3%A4WHO, nonce="SIG", response="SIG"`)},
		{"WSSE", header("X-Wsse", `UsernameToken Username="WHO", PasswordDigest="SIG", Nonce="SIG", Created="#N"`)},
		{"Basic", basic("WHO:secret")},
		{"Basic, the password is a signature", basic("WHO:SIG")},
		{"Basic, a name of forty letters", basic(strings.Repeat("o", 40) + "WHO:SIG")},
		{"Basic, the key is the user (Stripe)", basic("sk_live_WHO:")},
		{"Basic, the key is the password", basic(":WHO")},
		{"Basic, the key is the password (Mailgun)", basic("api:WHO")},
		{"Basic, the key is the password (GitHub)", basic("x-access-token:WHO")},
		{"Basic, a long name", basic(strings.Repeat("o/", 300) + "WHO:secret")},
		{"an exchange: the key and a signature", both(header("X-Mbx-Apikey", "WHO"), query("symbol=BTC&timestamp=#N&signature=SIG"))},
		{"Coinbase: the key and a signature", both(header("Cb-Access-Key", "WHO"), both(header("Cb-Access-Sign", "SIG"), header("Cb-Access-Timestamp", "#N")))},
		{"the proxy's credential is none", both(header("Proxy-Authorization", "Bearer SIG"), header("Authorization", "Bearer WHO"))},
		{"a key beside an idempotency key", both(header("X-Idempotency-Key", "SIG"), header("X-Api-Key", "WHO"))},
		{"a key beside a token against forgery", both(header("X-Csrf-Token", "SIG"), header("X-Api-Key", "WHO"))},
		{"a key beside that of an object's encryption", both(header("X-Goog-Encryption-Key", "SIG"), header("X-Api-Key", "WHO"))},
		{"a token beside a page's", both(query("pageToken=SIG&next_token=SIG"), header("Authorization", "Bearer WHO"))},
		{"a token beside an object's key", both(query("key=SIG&token=SIG"), header("Authorization", "Bearer WHO"))},
		{"a session beside analytics", header("Cookie", "_ga=GA1.#N; __cf_bm=SIG; AWSALB=SIG; csrftoken=SIG; session=WHO")},
		{"a token beside cookies", both(header("Cookie", "__cf_bm=SIG; visits=#N"), header("Authorization", "Bearer WHO"))},
		{"one application, many users", both(header("X-Rapidapi-Key", "app"), query("access_token=WHO"))},
		{"one application, many users by Basic", both(header("X-Api-Key", "app"), basic("WHO:SIG"))},
		{"one application, many sessions", both(header("X-Api-Key", "app"), header("Cookie", "sid=WHO"))},
		{"one organization, many applications", both(header("Dd-Api-Key", "org"), header("Dd-Application-Key", "WHO"))},
		{"Telegram", func(req *http.Request, who string, i int) {
			req.URL.Path = fmt.Sprintf("/bot%d:%s/sendMessage", 100000+len(who), who)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, salt := range []string{"", "salt"} {
				alice := hashOf(t, "https://api.example.com/items", row.sign, "alice", 1, salt)
				if again := hashOf(t, "https://api.example.com/items", row.sign, "alice", 2, salt); again != alice {
					t.Errorf("salt %q: the same caller has another hash in the next request", salt)
				}
				if bob := hashOf(t, "https://api.example.com/items", row.sign, "bobby-b", 1, salt); bob == alice {
					t.Errorf("salt %q: two callers have the same hash", salt)
				}
				if alice <= Anonymous {
					t.Errorf("salt %q: got %d, want more than Anonymous", salt, alice)
				}
			}
		})
	}
}

// A key in any of the places where APIs take one tells tenants apart.
func TestPlacesOfKeys(t *testing.T) {
	const alice, bob = "alice-0123456789abcdef", "bob-0123456789abcdef"
	for _, name := range strings.Fields(`Authorization X-Api-Key Api-Key Apikey X-Apikey X-Goog-Api-Key Xi-Api-Key X-Vault-Token X-Figma-Token
		Private-Token Job-Token Deploy-Token Dd-Api-Key Dd-Application-Key X-Auth-Token X-Auth-Key X-Access-Token X-Shopify-Access-Token X-Shopify-Storefront-Access-Token
		X-Algolia-Api-Key Ocp-Apim-Subscription-Key X-Rapidapi-Key X-Subscription-Token X-Token Token Key X-Consul-Token X-Nomad-Token X-Gitlab-Token
		X-N8n-Api-Key X-Mal-Client-Key X-Parse-Rest-Api-Key X-Parse-Session-Token X-Redmine-Api-Key X-Emby-Token X-Plex-Token X-Cisco-Meraki-Api-Key
		X-Honeycomb-Team-Key Fastly-Key X-Postmark-Server-Token X-Insert-Key X-Query-Key X-Newrelic-Api-Key X-Api-Secret X-Auth X-Authorization
		X-Forwarded-Authorization X-User-Token X-Tableau-Auth Circle-Token X-Trackertoken X-Cmc_pro_api_key X-Mbx-Apikey Ok-Access-Key X-Ca-Key Tenant_key
		Cf-Access-Client-Secret X-Goog-Iap-Jwt-Assertion X-Amz-Access-Token X-Square-Token X-Pagerduty-Token X-Security-Token X-Backend-Token X-Friend-Key X-Zend-Token X-Async-Token x-api-key`) {
		t.Run(name, func(t *testing.T) {
			set := func(req *http.Request, who string, _ int) { req.Header[name] = []string{who} }
			if hashOf(t, "https://api.example.com/items", set, alice, 0, "") == hashOf(t, "https://api.example.com/items", set, bob, 0, "") {
				t.Error("two tenants have the same hash")
			}
		})
	}
	for _, name := range strings.Fields(`key api_key apikey apiKey api-key access_token token auth_token auth subscription-key appid client_id user_key session_token
		app_key hapikey X-Plex-Token access_key serviceKey private_token oauth_token password secret`) {
		t.Run("?"+name, func(t *testing.T) {
			set := func(req *http.Request, who string, _ int) { req.URL.RawQuery = "q=1&" + name + "=" + who }
			if hashOf(t, "https://api.example.com/items", set, alice, 0, "") == hashOf(t, "https://api.example.com/items", set, bob, 0, "") {
				t.Error("two tenants have the same hash")
			}
		})
	}
	for _, name := range strings.Fields(`sid session sessionid JSESSIONID PHPSESSID connect.sid ASP.NET_SessionId .AspNetCore.Cookies laravel_session _session_id
		__Secure-next-auth.session-token auth access_token jwt remember_token wordpress_logged_in_0 CF_Authorization d li_at u grafana_session`) {
		t.Run("cookie "+name, func(t *testing.T) {
			set := func(req *http.Request, who string, _ int) { req.Header.Set("Cookie", "lang=en; "+name+"="+who) }
			if hashOf(t, "https://api.example.com/items", set, alice, 0, "") == hashOf(t, "https://api.example.com/items", set, bob, 0, "") {
				t.Error("two tenants have the same hash")
			}
		})
	}
	for _, id := range []string{alice[:minAppID], bob[:minAppID]} {
		if hashOf(t, "https://api.example.com/items?appid="+id, func(*http.Request, string, int) {}, "", 0, "") == Anonymous {
			t.Errorf("appid=%s is taken for no credential", id)
		}
	}
	for _, format := range []string{"https://mainnet.infura.io/v3/WHO", "https://eth-mainnet.g.alchemy.com/v2/WHO/x", "https://hooks.slack.com/services/T0/B0/WHO"} {
		if hashOf(t, fill(format, alice, 0), func(*http.Request, string, int) {}, "", 0, "") == hashOf(t, fill(format, bob, 0), func(*http.Request, string, int) {}, "", 0, "") {
			t.Errorf("%s: two tenants have the same hash", format)
		}
	}
}

// A JSON web token that is renewed is of the same caller, whoever issues it; and two
// callers stay two, whatever the claims that tell them apart.
func TestJSONWebTokens(t *testing.T) {
	for _, row := range []struct{ name, claims string }{
		{"iss and sub", `{"iss":"https://issuer.example.com/","sub":"WHO","aud":"api","iat":#N,"exp":#N,"jti":"SIG","scope":"read"}`},
		{"two clients of one user", `{"iss":"i","sub":"user","azp":"WHO","iat":#N,"exp":#N}`},
		{"Microsoft", `{"aud":"https://graph.microsoft.com","iss":"https://sts.windows.net/t/","iat":#N,"nbf":#N,"exp":#N,"aio":"SIG","appid":"app","oid":"WHO","rh":"SIG","sub":"WHO","tid":"t","uti":"SIG","xms_ftd":"SIG"}`},
		{"Kubernetes", `{"aud":["https://kubernetes.default.svc"],"exp":#N,"iat":#N,"iss":"https://kubernetes.default.svc","jti":"SIG","kubernetes.io":{"namespace":"prod","serviceaccount":{"name":"WHO","uid":"1"},"warnafter":#N},"nbf":#N,"sub":"system:serviceaccount:prod:WHO"}`},
		{"sub is the same for all", `{"sub":"access","user_id":"WHO","iat":#N,"exp":#N}`},
		{"a user inside an object", `{"iss":"i","sub":"access","user":{"id":"WHO"},"iat":#N,"exp":#N}`},
		{"a user that is a number like a time", `{"token_type":"access","exp":#N,"iat":#N,"jti":"SIG","user_id":"1764201600WHO"}`},
		{"only a number of its own", `{"iss":"app","jti":"WHO","iat":#N,"exp":#N}`},
		{"a GitHub App", `{"iat":#N,"exp":#N,"iss":"WHO"}`},
		{"Zhipu: signed for each request", `{"api_key":"WHO","exp":#N,"timestamp":#N}`},
		{"Coinbase: bound to a request", `{"sub":"WHO","iss":"cdp","nbf":#N,"exp":#N,"uri":"GET api.example.com/#N"}`},
		{"an escaped backslash at the end", `{"iss":"a\\","sub":"WHO","exp":#N}`},
		{"an empty claim", `{"iss":"","sub":"WHO","exp":#N}`},
		{"an escaped quote", `{"iss":"a\"b,\"exp\":1","sub":"WHO","exp":#N}`},
		{"spaces", `{ "iss" : "i" , "exp" : #N , "sub" : "WHO" }`},
	} {
		t.Run(row.name, func(t *testing.T) {
			sign := bearer(row.claims)
			alice := hashOf(t, "https://api.example.com/", sign, "alice", 1, "")
			if hashOf(t, "https://api.example.com/", sign, "alice", 2, "") != alice {
				t.Error("a renewed token has another hash")
			}
			if hashOf(t, "https://api.example.com/", sign, "bob", 1, "") == alice {
				t.Error("two callers have the same hash")
			}
		})
	}
	for _, row := range []struct{ name, a, b string }{
		{"nothing but dates", token(`{"iat":1,"exp":2}`), token(`{"iat":3,"exp":4}`)},
		{"longer than is looked at", token(`{"sub":"` + strings.Repeat("a", maxClaims) + `b"}`), token(`{"sub":"` + strings.Repeat("a", maxClaims) + `c"}`)},
		{"claims that are cut", token(`{"sub":"a","n":1`), token(`{"sub":"b","n":1`)},
		{"claims that are cut in a list", token(`{"sub":"a","n":[1`), token(`{"sub":"b","n":[1`)},
		{"no JSON", "eyJ.eyJ!.a", "eyJ.eyJ!.b"},
		{"the same claims, signed with another key", token(`{"sub":"user","aud":"a","exp":1}`),
			base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT","kid":"k2"}`)) + "." + strings.SplitN(token(`{"sub":"user","aud":"a","exp":1}`), ".", 2)[1]},
	} {
		set := header("Authorization", "Bearer WHO")
		if hashOf(t, "https://api.example.com/", set, row.a, 0, "") == hashOf(t, "https://api.example.com/", set, row.b, 0, "") {
			t.Errorf("%s: two tokens have the same hash", row.name)
		}
	}
}

// What is no credential is Anonymous, and the same key is the same wherever it stands.
func TestAnonymousAndEqual(t *testing.T) {
	for _, row := range []struct {
		name string
		sign signer
	}{
		{"nothing", func(*http.Request, string, int) {}},
		{"empty values", both(header("Authorization", ""), query("key=&token"))},
		{"an idempotency key", header("Idempotency-Key", "SIG")},
		{"a header called Ion", header("Ion", "SIG")},
		{"an app whose id is short", query("appid=012345678901234")},
		{"a handshake", header("Sec-Websocket-Key", "SIG")},
		{"analytics", header("Cookie", "_ga=GA1.#N; __cf_bm=SIG; csrftoken=SIG")},
		{"the next page", query("nextPageToken=SIG&next_page_token=SIG&continuation-token=SIG&start_key=SIG&endkey=SIG")},
		{"an app in a shop of games", query("appid=440")},
		{"a signature without a name", query("sv=2024-11-04&sig=SIG")},
		{"a signature without a key", header("X-Hub-Signature-256", "sha256=SIG")},
	} {
		for i := range 2 {
			if got := hashOf(t, "https://api.example.com/items", row.sign, "alice", i, ""); got != Anonymous {
				t.Errorf("%s: got %d, want Anonymous", row.name, got)
			}
		}
	}
	if got := Hash(&http.Request{}, ""); got != Anonymous {
		t.Errorf("no URL: got %d, want Anonymous", got)
	}
	places := []signer{
		header("Authorization", "Bearer WHO"), header("X-Api-Key", "WHO"), query("api_key=WHO"), query("key=WHO"), header("Cookie", "sid=WHO"), basic("WHO:"),
	}
	want := hashOf(t, "https://api.example.com/", places[0], "k0123456789", 0, "")
	for i, set := range places {
		if got := hashOf(t, "https://api.example.com/", set, "k0123456789", 0, ""); got != want {
			t.Errorf("place %d: the same key has another hash", i)
		}
	}
	signed := "AKIAWHO/20261127/us-east-1/s3/aws4_request"
	if hashOf(t, "https://s3.amazonaws.com/", header("Authorization", "AWS4-HMAC-SHA256 Credential="+signed+", Signature=SIG"), "x", 0, "") !=
		hashOf(t, "https://s3.amazonaws.com/", query("X-Amz-Credential="+url.QueryEscape(signed)+"&X-Amz-Signature=SIG"), "x", 0, "") {
		t.Error("a key that signs headers and one that signs URLs have different hashes")
	}
}

// The salt makes the hash the same in all processes, and nothing else does.
func TestSalt(t *testing.T) {
	set := header("X-Api-Key", "WHO")
	const want uint64 = 0xdc663a1de92b83cd // HMAC-SHA256("salt", "alice"), its first 64 bits
	if got := hashOf(t, "https://api.example.com/", set, "alice", 0, "salt"); got != want {
		t.Errorf("got %#x, want %#x", got, want)
	}
	if hashOf(t, "https://api.example.com/", set, "alice", 0, "other") == want || hashOf(t, "https://api.example.com/", set, "alice", 0, "") == want {
		t.Error("the hash does not depend on the salt")
	}
}

// Whatever redact takes for a secret passes the quick look.
func TestQuickLookMissesNoSecret(t *testing.T) {
	for _, name := range strings.Fields(`X-Api-Key X-Token X-Secret X-Password X-Passwd X-Signature X-Authorization X-Credential Cookie Sig Pwd Auth`) {
		if !mayBeSecret(name) {
			t.Errorf("%s does not pass", name)
		}
	}
}

// Long input takes time in proportion.
func TestLongInput(t *testing.T) {
	for _, sign := range []signer{
		query("&" + strings.Repeat("a=b&", 1<<18)),
		query("key=" + strings.Repeat("%2F", 1<<18)),
		header("Authorization", "OAuth "+strings.Repeat(`a="b",`, 1<<16)),
		header("Authorization", "AWS4-HMAC-SHA256 Credential="+strings.Repeat("/2026", 3000)),
		header("Cookie", strings.Repeat("a=b; ", 1<<18)),
		header("Authorization", "Bearer eyJ."+"eyJ"+strings.Repeat("eyJ", 1<<18)+".x"),
		header("X-"+strings.Repeat("A", 1<<18)+"-Key", "x"),
	} {
		hashOf(t, "https://api.example.com/", sign, "x", 0, "") // a test's deadline is the judge
	}
}

func FuzzHash(f *testing.F) {
	f.Add("Authorization", `Digest username="a", nonce="b`, "api_key=1&X-Amz-Credential=A%2F20261127%2F")
	f.Add("Authorization", "Bearer "+token(serviceAccount), "key=%")
	f.Add("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("a:b")), "")
	f.Add("Cookie", "a=b; sid=c;;=", "&&=&")
	f.Add("Signature", `keyId="a`, "token=")
	f.Add("Authorization", "type%3Dmaster%26sig%3D", "sig=")
	f.Fuzz(func(t *testing.T, name, value, query string) {
		req := &http.Request{Header: http.Header{name: {value}, "Accept": {"*/*"}}, URL: &url.URL{Path: "/" + value, RawQuery: query}}
		got := Hash(req, "")
		if got == 0 {
			t.Error("got 0, which stands for all")
		}
		if again := Hash(req, ""); again != got {
			t.Errorf("got %d, then %d", got, again)
		}
		for i := 0; i+1 < len(value); i++ { // cutParam and cutMember must come to an end wherever they begin
			cutParam(value[i:])
			cutMember([]byte(value[i:]))
		}
	})
}
