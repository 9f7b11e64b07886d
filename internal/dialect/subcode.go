package dialect

import "strconv"

// Errors with one code for many things, and another under it for what happened: those of
// Alibaba's and of who copies them.

// https://opendocs.alipay.com/common/02km9f
var alipay = &family{
	name:  "alipay",
	hosts: []string{"openapi.alipay.com", "openapi.alipaydev.com", "openapi-sandbox.dl.alipaydev.com"},
	numbers: []numbers{
		{20000, 20000, Unavailable}, {20001, 20001, Authentication}, {40001, 40002, InvalidRequest}, {40005, 40005, RateLimit}, {40006, 40006, Permission},
	},
	codes: map[string]Class{
		"ACQ.SYSTEM_ERROR": ServerError, "isp.unknow-error": ServerError, "aop.unknow-error": ServerError, "aop.invalid-auth-token": Authentication,
		"aop.auth-token-time-out": Authentication, "isv.invalid-signature": Authentication, "isv.app-call-limited": RateLimit, "isv.method-call-limited": RateLimit,
		"isv.insufficient-isv-permissions": Permission, "isv.insufficient-user-permissions": Permission,
		"ACQ.ACCESS_FORBIDDEN": Permission, "ACQ.CONTEXT_INCONSISTENT": Conflict, "ACQ.TRADE_HAS_SUCCESS": Conflict, "ACQ.TRADE_HAS_CLOSE": Conflict, "ACQ.TRADE_STATUS_ERROR": Conflict,
	},
	hidesErrors: []place{{path: "/gateway.do"}},
	scope:       Host | Credential | Method,
}

// https://open.taobao.com/doc.htm?docId=114&docType=1
var taobao = &family{
	name:  "taobao",
	hosts: []string{"gw.api.taobao.com", "eco.taobao.com", "gw.api.tbsandbox.com", "api-sg.aliexpress.com"},
	numbers: []numbers{
		{7, 7, RateLimit}, {9, 9, InvalidRequest}, {10, 10, Unavailable}, {11, 13, Permission}, {15, 15, InvalidRequest}, {21, 23, InvalidRequest}, {24, 29, Authentication},
		{30, 33, InvalidRequest}, {40, 41, InvalidRequest}, {42, 42, Permission}, {43, 43, InvalidRequest},
	},
	codes: map[string]Class{
		"isv.OUT_OF_SERVICE": Quota, "isv.AMOUNT_NOT_ENOUGH": Quota, "isv.PRODUCT_UNSUBSCRIBE": Quota, "isv.DAY_LIMIT_CONTROL": Quota,
		"isv.BUSINESS_LIMIT_CONTROL": RateLimit, "isv.ACCOUNT_ABNORMAL": Permission, "isv.ACCOUNT_NOT_EXISTS": Authentication, "isp.SYSTEM_ERROR": ServerError,
		"isp.top-remote-connection-timeout": Timeout, "isp.top-remote-service-unavailable": Unavailable,
	},
	hidesErrors: []place{{path: "/router/rest"}, {path: "/rest"}, {path: "/sync"}},
	scope:       Host | Credential | Method,
}

var (
	keySubCode = fold("sub_code")
	keySubMsg  = fold("sub_msg")
)

// subError is the object with a code that is not one of success and a code and a text
// under it, 0 if there is none: the body, or a member of it. A success has no such text.
func (t *tree) subError() int32 {
	if t.n == 0 || !t.whole || !t.mayHave(keySubCode) || !t.mayHave(keySubMsg) {
		return 0
	}
	if t.hasSubError(1) {
		return 1
	}
	for c := t.nodes[1].down; c != 0; c = t.nodes[c].next {
		if t.hasSubError(c) {
			return c
		}
	}
	return 0
}

func (t *tree) hasSubError(at int32) bool {
	if !t.is(at, '{') || t.text(t.child(at, step{key: keySubCode})) == "" || t.text(t.child(at, step{key: keySubMsg})) == "" {
		return false
	}
	n, ok := t.mainCode(at)
	return ok && n != 0 && n != 200 && n != 10000
}

// mainCode is the number above a sub_code.
func (t *tree) mainCode(at int32) (float64, bool) {
	for _, key := range [...]uint64{keyCode, keyErrorCode} {
		c := t.child(at, step{key: key})
		if n, ok := t.number(c); ok {
			return n, true
		}
		if n, err := strconv.ParseFloat(t.text(c), 64); err == nil {
			return n, true
		}
	}
	return 0, false
}

// collectSub takes what is said under a code for many things.
func (r *reader) collectSub() {
	t := &r.tree
	at := t.subError()
	if at == 0 {
		return
	}
	r.message = t.text(t.child(at, step{key: keySubMsg}))
	r.addWord(t.text(t.child(at, step{key: keySubCode})))
	n, _ := t.mainCode(at)
	r.number = int(n)
}
