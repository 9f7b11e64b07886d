package dialect

import "testing"

// A failure that is a code or a flag, words, and nothing else; and what else shows that
// it is none.
func TestEnvelopes(t *testing.T) {
	for _, row := range []struct {
		name, body             string
		fails, alone, isFailed bool // plainFailure, nothingElse, failedXML
	}{
		{"a flag and words", `{"status":"error","message":"x"}`, true, true, false},
		{"a flag alone", `{"status":"error"}`, false, true, false},
		{"a flag, words and a result", `{"status":"error","message":"x","price":7}`, false, false, false},
		{"a flag that all is well", `{"status":"ok","message":"x"}`, false, false, false},
		{"a code and words of an error", `{"code":500,"message":"Too many requests"}`, true, true, false},
		{"a code and other words", `{"code":500,"message":"hello"}`, false, true, false},
		{"a code of success", `{"code":200,"message":"Too many requests"}`, false, true, false},
		{"an exception", `{"exception":"E","message":"x"}`, true, true, false},
		{"a header that says so", `{"header":{"isSuccessful":false,"resultMessage":"x"}}`, true, true, false},
		{"a name beside a flag", `{"status":"error","message":"x","name":"y"}`, true, true, false},
		{"a name beside an error", `{"error":"x","name":"y"}`, false, true, false},
		{"a name beside words", `{"message":"x","name":"y"}`, false, false, false},
		{"a response in words", `{"response":"x","message":"y"}`, false, true, false},
		{"a response", `{"response":{"a":1},"message":"y"}`, false, false, false},
		{"an id of JSON-RPC", `{"jsonrpc":"2.0","id":1,"error":{"code":1}}`, false, true, false},
		{"an id", `{"id":1,"error":{"code":1}}`, false, false, false},
		{"what is empty", `{"error":"x","list":[],"thing":{"a":null}}`, false, true, false},

		{"S3's error", `<Error><Code>x</Code></Error>`, false, true, true},
		{"an error with a message", `<Error><Message>x</Message></Error>`, false, true, true},
		{"an error with an exception", `<Error><Exception>x</Exception></Error>`, false, true, true},
		{"an error of other things", `<Error><Rate>0.5</Rate></Error>`, false, true, false},
		{"a fault", `<?xml version="1.0"?><Envelope><Body><Fault><faultstring>x</faultstring></Fault></Body></Envelope>`, false, true, true},
		{"an envelope with a result", `<?xml version="1.0"?><Envelope><Body><Order><id>7</id></Order></Body></Envelope>`, false, true, false},
		{"a result code without a body", `<response><header><resultCode>22</resultCode></header></response>`, false, true, true},
		{"a result code of success", `<response><header><resultCode>00</resultCode></header></response>`, false, true, false},
		{"a result code and a body", `<?xml version="1.0"?><response><header><resultCode>22</resultCode></header><body><items/></body></response>`, false, true, false},
		{"a response without a code", `<response><item>7</item></response>`, false, true, false},
		{"a response that failed", `<rsp stat="fail"><a>x</a></rsp>`, false, true, true},
		{"a response that is well", `<rsp stat="ok"><a>x</a></rsp>`, false, true, false},
	} {
		tables()
		var r reader
		r.read([]byte(row.body))
		if r.xml != "" {
			if got := r.failedXML(); got != row.isFailed {
				t.Errorf("%s: %s: got %t, want %t", row.name, row.body, got, row.isFailed)
			}
		} else if got := r.plainFailure(); got != row.fails {
			t.Errorf("%s: %s: got %t, want %t", row.name, row.body, got, row.fails)
		}
		if got := r.nothingElse(); got != row.alone {
			t.Errorf("%s: %s: got nothing else %t, want %t", row.name, row.body, got, row.alone)
		}
	}
	for n, want := range map[float64]bool{0: false, 1: false, 2: true, 199: true, 200: false, 299: false, 300: true, 20000: false} {
		if got := failing(n); got != want {
			t.Errorf("%v: got failing %t, want %t", n, got, want)
		}
	}
}

func TestHollow(t *testing.T) {
	for _, row := range []struct {
		name, value string
		want        bool
	}{
		{"null", `null`, true},
		{"an empty text", `""`, true},
		{"false, which says something", `false`, false},
		{"zero, which says something", `0`, false},
		{"an empty object", `{}`, true},
		{"an object of nothing", `{"a":null,"b":""}`, true},
		{"an object of something", `{"a":null,"b":1}`, false},
		{"objects of nothing", `{"a":{"b":{"c":{"d":null}}}}`, true},
		{"one object more", `{"a":{"b":{"c":{"d":{"e":null}}}}}`, false},
		{"a short list of nothing", `[null,null,null]`, true},
		{"a list whose end is not known", `[null,null,null,null]`, false},
	} {
		var tr tree
		tr.parse(row.value)
		if got := tr.hollow(1, maxHollow); got != row.want {
			t.Errorf("%s: %s: got %t, want %t", row.name, row.value, got, row.want)
		}
	}
	var tr tree
	tr.parse(`[[[[[[[[[1]]]]]]]]]`)
	if tr.hollow(tr.n, maxHollow) {
		t.Error("what lies too deep to be remembered: got hollow")
	}
	for value, want := range map[string]bool{`0`: true, `"0"`: true, `1`: false, `""`: false, `null`: false} {
		tr.parse(value)
		if got := isZero(&tr, 1); got != want {
			t.Errorf("%s: got zero %t, want %t", value, got, want)
		}
	}
}

// A code for many things has one under it, and a text.
func TestSubErrors(t *testing.T) {
	for _, row := range []struct {
		name, body, message, code string
		number                    int
	}{
		{"at the top", `{"code":"40004","msg":"Business Failed","sub_code":"acq.trade","sub_msg":"gone"}`, "gone", "acq.trade", 40004},
		{"in a member", `{"sign":"x","trade_response":{"code":"40004","msg":"Business Failed","sub_code":"acq.trade","sub_msg":"gone"}}`, "gone", "acq.trade", 40004},
		{"a code of success", `{"code":"10000","msg":"Success","sub_code":"a","sub_msg":"b"}`, "Success", "", 10000},
		{"no text", `{"code":"40004","msg":"Business Failed","sub_code":"acq.trade"}`, "Business Failed", "", 40004},
	} {
		tables()
		var r reader
		r.read([]byte(row.body))
		r.collect(nil)
		code := r.codes[0]
		if r.message != row.message || r.number != row.number || row.code != "" && code != row.code {
			t.Errorf("%s: %s: got %q, code %q, number %d; want %q, %q, %d", row.name, row.body, r.message, code, r.number, row.message, row.code, row.number)
		}
		if got := r.tree.subError() != 0; got != (row.code != "") {
			t.Errorf("%s: got %t", row.name, got)
		}
	}
}
