package dialect

import (
	"net/http"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/wait"
)

// Further APIs, with the codes that the common tables do not read right.

// https://docs.sendgrid.com/api-reference
var sendGrid = &family{
	name: "sendgrid", hosts: []string{"api.sendgrid.com"},
	phrases: []words{
		{Quota, "", []string{"maximum credits exceeded"}},
		{Permission, "403", []string{"verified sender identity", "access forbidden"}},
		{Authentication, "401 403", []string{"authorization grant is invalid"}},
	},
	scope:  Host | Credential | Path,
	limits: wait.Defaults{Unit: wait.Requests},
}

// https://support.reddithelp.com/hc/en-us/articles/16160319875092-Reddit-Data-API-Wiki
var reddit = &family{
	name: "reddit", hosts: []string{"oauth.reddit.com", "www.reddit.com", "api.reddit.com"}, shapes: []string{"json.errors.0"},
	codes: map[string]Class{
		"RATELIMIT": RateLimit, "USER_REQUIRED": Authentication, "SUBREDDIT_NOTALLOWED": Permission, "SUBREDDIT_NOEXIST": NotFound,
		"THREAD_LOCKED": Permission, "ALREADY_SUB": Conflict, "TOO_LONG": TooLarge, "QUOTA_FILLED": Quota,
		"NO_TEXT": InvalidRequest, "DELETED_COMMENT": NotFound,
	},
	hidesErrors: []place{
		{host: "oauth.reddit.com", path: "/api/", method: http.MethodPost}, {host: "www.reddit.com", path: "/api/", method: http.MethodPost},
	},
	scope:  Host | Credential,
	limits: wait.Defaults{Unit: wait.Requests},
}

// https://docs.x.com/x-api/fundamentals/response-codes-and-errors
var x = &family{
	name: "x", hosts: []string{"api.x.com", "api.twitter.com"},
	numbers: []numbers{
		{32, 32, Authentication}, {34, 34, NotFound}, {50, 50, NotFound}, {63, 64, Permission}, {88, 88, RateLimit},
		{89, 89, Authentication}, {99, 99, Authentication}, {130, 130, Overloaded}, {131, 131, ServerError},
		{135, 135, Authentication}, {144, 144, NotFound}, {179, 179, Permission}, {185, 185, Quota}, {187, 187, Conflict},
		{215, 215, Authentication}, {326, 326, Permission}, {453, 453, Permission},
	},
	codes: map[string]Class{
		"https://api.x.com/2/problems/usage-capped": Quota, "usage-capped": Quota, "client-forbidden": Permission,
		"not-authorized-for-resource": Permission, "resource-not-found": NotFound, "invalid-request": InvalidRequest,
		"credits-depleted": Quota, "CreditsDepleted": Quota,
	},
	phrases: []words{{Quota, "429 402", []string{"usage cap exceeded", "credits"}}},
	scope:   Host | Credential | Path,
	limits:  wait.Defaults{Unit: wait.Requests},
	// https://docs.x.com/x-api/fundamentals/rate-limits
	limitHeaders: []wait.Headers{
		{Prefix: "X-App-Limit", Unit: wait.Requests, Name: "app"}, {Prefix: "X-User-Limit", Unit: wait.Requests, Name: "user"},
	},
}

// https://developer.spotify.com/documentation/web-api/concepts/api-calls
var spotify = &family{
	name: "spotify", hosts: []string{"api.spotify.com"}, phrases: []words{{Permission, "403", []string{"premium required"}}},
	scope: Host | Credential,
}

// https://developer.okta.com/docs/reference/error-codes/
var okta = &family{
	name: "okta", hosts: []string{".okta.com", ".oktapreview.com"}, shapes: []string{"errorsummary errorcode"},
	codes: map[string]Class{
		"E0000047": RateLimit, "E0000011": Authentication, "E0000005": Authentication, "E0000004": Authentication,
		"E0000006": Permission, "E0000007": NotFound, "E0000008": NotFound, "E0000009": ServerError, "E0000010": Unavailable,
		"E0000014": Permission, "E0000015": Permission, "E0000001": InvalidRequest, "E0000003": InvalidRequest,
		"E0000022": InvalidRequest,
	},
	ids: []string{"X-Okta-Request-Id"}, scope: Host | Credential | Path,
}

// https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy
var auth0 = &family{
	name: "auth0", hosts: []string{".auth0.com"},
	codes: map[string]Class{"too_many_requests": RateLimit, "invalid_token": Authentication, "insufficient_scope": Permission, "inexistent_user": NotFound},
	scope: Host | Credential,
}

// https://plaid.com/docs/errors/
var plaid = &family{
	name:   "plaid",
	hosts:  []string{"production.plaid.com", "sandbox.plaid.com", "development.plaid.com"},
	shapes: []string{"errortype errorcode requestid"},
	codes: map[string]Class{
		"RATE_LIMIT": RateLimit, "TRANSACTIONS_LIMIT": RateLimit, "ACCOUNTS_LIMIT": RateLimit,
		"ITEM_LOGIN_REQUIRED": Authentication, "INVALID_API_KEYS": Authentication, "INVALID_ACCESS_TOKEN": Authentication,
		"INTERNAL_SERVER_ERROR": ServerError, "PLANNED_MAINTENANCE": Unavailable, "INSTITUTION_DOWN": Unavailable,
		"INSTITUTION_NOT_RESPONDING": Unavailable, "PRODUCT_NOT_READY": Unavailable, "ADDITION_LIMIT": Quota,
		"INVALID_PRODUCT": Permission, "UNAUTHORIZED_ENVIRONMENT": Permission, "INVALID_FIELD": InvalidRequest,
		"ITEM_NOT_FOUND": NotFound,
	},
	scope: Host | Credential,
}

// https://developer.paypal.com/api/rest/responses/
var payPal = &family{
	name: "paypal", hosts: []string{"api-m.paypal.com", "api.paypal.com", "api-m.sandbox.paypal.com"}, shapes: []string{"debugid name"},
	codes: map[string]Class{
		"RATE_LIMIT_REACHED": RateLimit, "AUTHENTICATION_FAILURE": Authentication, "NOT_AUTHORIZED": Permission,
		"RESOURCE_NOT_FOUND": NotFound, "UNPROCESSABLE_ENTITY": InvalidRequest, "RESOURCE_CONFLICT": Conflict,
		"INTERNAL_SERVER_ERROR": ServerError, "INTERNAL_SERVICE_ERROR": ServerError, "SERVICE_UNAVAILABLE": Unavailable,
		"INVALID_REQUEST": InvalidRequest,
	},
	ids: []string{"Paypal-Debug-Id"}, scope: Host | Credential,
}

// https://developer.squareup.com/docs/build-basics/handling-errors
var square = &family{
	name: "square", hosts: []string{"connect.squareup.com", "connect.squareupsandbox.com"}, shapes: []string{"errors.0.category errors.0.code"},
	codes: map[string]Class{
		"RATE_LIMITED": RateLimit, "UNAUTHORIZED": Authentication, "ACCESS_TOKEN_EXPIRED": Authentication,
		"ACCESS_TOKEN_REVOKED": Authentication, "FORBIDDEN": Permission, "INSUFFICIENT_SCOPES": Permission, "NOT_FOUND": NotFound,
		"CARD_DECLINED": InvalidRequest, "INSUFFICIENT_FUNDS": InvalidRequest, "GENERIC_DECLINE": InvalidRequest,
		"PAYMENT_LIMIT_EXCEEDED": InvalidRequest, "VERSION_MISMATCH": Conflict, "IDEMPOTENCY_KEY_REUSED": InvalidRequest,
		"INTERNAL_SERVER_ERROR": ServerError, "SERVICE_UNAVAILABLE": Unavailable, "GATEWAY_TIMEOUT": Timeout,
		"BAD_REQUEST": InvalidRequest,
	},
	statuses: map[int]Class{402: InvalidRequest}, scope: Host | Credential,
}

// https://www.dropbox.com/developers/documentation/http/documentation#error-handling
var dropbox = &family{
	name: "dropbox", hosts: []string{"api.dropboxapi.com", "content.dropboxapi.com"},
	codes: map[string]Class{
		"too_many_requests": RateLimit, "too_many_write_operations": RateLimit, "expired_access_token": Authentication,
		"insufficient_space": Quota,
	},
	phrases: []words{
		{RateLimit, "429", []string{"too_many"}},
		{NotFound, "409", []string{"path/not_found", "not_found/", "path_lookup/not_found"}},
		{Quota, "409", []string{"insufficient_space"}}, {Authentication, "401", []string{"expired_access_token"}},
		{Permission, "401 403", []string{"missing_scope"}},
	},
	ids: []string{"X-Dropbox-Request-Id"}, scope: Host | Credential,
}

// https://developer.zendesk.com/api-reference/introduction/rate-limits/
var zendesk = &family{
	name: "zendesk", hosts: []string{".zendesk.com"},
	codes: map[string]Class{
		"APIRateLimitExceeded": RateLimit, "Couldn't authenticate you": Authentication, "RecordNotFound": NotFound,
		"InvalidEndpoint": NotFound, "RecordInvalid": InvalidRequest, "DatabaseConflict": Conflict,
	},
	ids: []string{"X-Zendesk-Request-Id"}, scope: Host | Credential, limits: wait.Defaults{Unit: wait.Requests},
}

// https://airtable.com/developers/web/api/errors
var airtable = &family{
	name: "airtable", hosts: []string{"api.airtable.com"},
	codes: map[string]Class{
		"RATE_LIMIT_REACHED": RateLimit, "PUBLIC_API_BILLING_LIMIT_EXCEEDED": Quota, "AUTHENTICATION_REQUIRED": Authentication,
		"INVALID_PERMISSIONS": Permission, "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND": Permission, "TABLE_NOT_FOUND": NotFound,
		"MODEL_ID_NOT_FOUND": NotFound, "INVALID_REQUEST_UNKNOWN": InvalidRequest, "SERVICE_NOT_AVAILABLE": Unavailable,
		"INVALID_MULTIPLE_CHOICE_OPTIONS": InvalidRequest,
	},
	scope: Host | Credential,
}

// https://developer.monday.com/api-reference/docs/rate-limits
var monday = &family{
	name: "monday", hosts: []string{"api.monday.com"},
	codes:       map[string]Class{"UserUnauthorizedException": Permission},
	hidesErrors: []place{{path: "/v2", method: http.MethodPost}},
}

// https://www.contentful.com/developers/docs/references/content-management-api/
var contentful = &family{
	name: "contentful", hosts: []string{"api.contentful.com", "cdn.contentful.com", "preview.contentful.com", "graphql.contentful.com"},
	codes: map[string]Class{"TOO_COMPLEX_QUERY": TooLarge, "RATE_LIMIT_EXCEEDED": RateLimit, "UNRESOLVABLE_LINK": NotFound},

	hidesErrors:  []place{{host: "graphql.contentful.com", path: "/content/v1/spaces/", method: http.MethodPost}},
	limitHeaders: []wait.Headers{{Prefix: "X-Contentful-Ratelimit", Unit: wait.Requests}},
}

// https://docs.sentry.io/api/ratelimits/
var sentry = &family{
	name: "sentry", hosts: []string{"sentry.io", ".sentry.io"},
	limitHeaders: []wait.Headers{{Prefix: "X-Sentry-Rate-Limit", Unit: wait.Requests}},
}

// Its X-Ratelimit-Retryafter is a point in time, which the size of the number tells.
var crowdStrike = &family{
	name: "crowdstrike", hosts: []string{"api.crowdstrike.com", ".crowdstrike.com"},
	waitHeaders: []wait.WaitHeader{{Name: "X-Ratelimit-Retryafter", Unit: time.Second}},
}

// graphQL is any server of that kind.
var graphQL = &family{
	name: "graphql", shapes: []string{"errors.0.extensions.code", "errors.0.locations", "errors.0.path"}, scope: Host | Credential,
}
