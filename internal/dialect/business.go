package dialect

import (
	"net/http"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/wait"
)

// https://docs.stripe.com/error-codes, https://docs.stripe.com/api/errors
var stripe = &family{
	name:  "stripe",
	hosts: []string{"api.stripe.com", "files.stripe.com", "connect.stripe.com"},
	shapes: []string{
		"error.requestlogurl", "error.declinecode", "error.type=card_error", "error.docurl", "Header:Stripe-Version",
		"Header:Stripe-Should-Retry",
	},
	codes: map[string]Class{
		"card_error": InvalidRequest, "card_declined": InvalidRequest, "expired_card": InvalidRequest,
		"incorrect_cvc": InvalidRequest, "insufficient_funds": InvalidRequest, "processing_error": InvalidRequest,
		"authentication_required": InvalidRequest, "incorrect_number": InvalidRequest,
		"balance_insufficient": InvalidRequest, "api_key_expired": Authentication, "platform_api_key_expired": Authentication,
		"secret_key_required": Authentication, "livemode_mismatch": Authentication, "testmode_charges_only": Permission,
		"rate_limit": RateLimit, "lock_timeout": Conflict, "idempotency_key_in_use": Conflict, "idempotency_error": InvalidRequest,
		"idempotency_key_reused": InvalidRequest, "resource_missing": NotFound, "resource_already_exists": Conflict,
		"account_invalid": Permission, "account_closed": Permission, "more_permissions_required": Permission,
		"insufficient_permissions": Permission, "country_unsupported": Permission, "url_invalid": InvalidRequest,
		"parameter_missing": InvalidRequest, "parameter_unknown": InvalidRequest, "parameter_invalid_empty": InvalidRequest,
		"amount_too_small": InvalidRequest, "amount_too_large": InvalidRequest, "payment_intent_unexpected_state": InvalidRequest,
		"payment_method_not_available": InvalidRequest, "payment_intent_authentication_failure": InvalidRequest,
		"email_invalid": InvalidRequest, "charge_already_refunded": InvalidRequest, "charge_already_captured": InvalidRequest,
		"token_already_used": InvalidRequest, "missing": InvalidRequest, "application_fees_not_allowed": Permission,
		"bank_account_declined": InvalidRequest,
	},
	hints: map[string]Class{
		"api_error": ServerError, "api_connection_error": Unavailable, "authentication_error": Authentication,
		"rate_limit_error": RateLimit,
	},
	phrases: []words{
		{RateLimit, "429", []string{"rate limit"}}, {NotFound, "404", []string{"no such", "unrecognized request url"}},
		{Permission, "401 403", []string{"does not have access to account", "does not have the required permissions"}},
	},
	statuses:    map[int]Class{402: InvalidRequest, 424: Unavailable},
	repeat:      map[string]Repeat{"idempotency_key_in_use": Always, "lock_timeout": Always},
	retryHeader: "Stripe-Should-Retry",
	ids:         []string{"Request-Id"},
	scope:       Host | Credential,
	// https://docs.stripe.com/rate-limits: which limit refused, and nothing more.
	limitHeaders: []wait.Headers{{Prefix: "Stripe-Rate-Limited-Reason", Value: wait.Reason}},
}

// https://docs.slack.dev/apis/web-api/ and the errors each method lists
var slack = &family{
	name:   "slack",
	hosts:  []string{"slack.com", ".slack.com"},
	shapes: []string{"ok=false error", "Header:X-Slack-Req-Id"},
	codes: map[string]Class{
		"ratelimited": RateLimit, "rate_limited": RateLimit, "message_limit_exceeded": RateLimit, "team_quota_exceeded": Quota,
		"fatal_error": ServerError, "internal_error": ServerError, "request_timeout": Timeout, "service_unavailable": Unavailable,
		"team_added_to_org": Unavailable, "migration_in_progress": Unavailable,
		"not_authed": Authentication, "invalid_auth": Authentication, "token_revoked": Authentication,
		"token_expired": Authentication, "account_inactive": Authentication, "invalid_token": Authentication,
		"bad_client_secret": Authentication, "invalid_client_id": Authentication, "invalid_refresh_token": Authentication,
		"invalid_code": InvalidRequest, "org_login_required": Authentication, "two_factor_setup_required": Authentication,
		"missing_scope": Permission, "no_permission": Permission, "not_allowed_token_type": Permission,
		"ekm_access_denied": Permission, "access_denied": Permission, "enterprise_is_restricted": Permission,
		"team_access_not_granted": Permission, "restricted_action": Permission, "not_in_channel": Permission, "is_bot": Permission,
		"cant_update_message": Permission,
		"cant_delete_message": Permission, "not_allowed": Permission, "user_is_restricted": Permission, "user_is_bot": Permission,
		"as_user_not_supported": InvalidRequest, "cannot_dm_bot": InvalidRequest, "posting_to_general_channel_denied": Permission,
		"app_missing_action_url": InvalidRequest, "accesslimited": Permission, "paid_only": Quota, "paid_teams_only": Quota,
		"restricted_action_read_only_channel": Permission, "restricted_action_thread_only_channel": Permission,
		"restricted_action_non_threadable_channel": Permission, "method_not_supported_for_channel_type": InvalidRequest,
		"storage_limit_reached": Quota, "feature_not_enabled": Permission, "action_prohibited": Permission, "no_service": NotFound,
		"no_active_hooks": NotFound, "team_disabled": Permission, "channel_is_archived": InvalidRequest,
		"channel_not_found": NotFound, "user_not_found": NotFound, "users_not_found": NotFound, "message_not_found": NotFound,
		"thread_not_found": NotFound, "file_not_found": NotFound, "team_not_found": NotFound, "file_deleted": NotFound,
		"unknown_method": NotFound, "bot_not_found": NotFound, "view_not_found": NotFound, "no_such_subteam": NotFound,
		"no_reaction": NotFound, "user_not_in_channel": NotFound, "method_deprecated": NotFound, "deprecated_endpoint": NotFound,
		"name_taken": Conflict, "already_in_channel": Conflict, "already_reacted": Conflict, "already_pinned": Conflict,
		"already_archived": Conflict, "edit_window_closed": InvalidRequest, "hash_conflict": Conflict,
		"duplicate_external_id": Conflict, "already_open": Conflict,
		"msg_too_long": TooLarge, "msg_blocks_too_long": TooLarge, "file_uploads_disabled": Permission, "file_too_large": TooLarge,
		"too_large": TooLarge, "attachment_payload_limit_exceeded": TooLarge, "is_archived": InvalidRequest,
		"no_text": InvalidRequest, "invalid_blocks": InvalidRequest, "invalid_arguments": InvalidRequest,
		"too_many_attachments": InvalidRequest, "invalid_cursor": InvalidRequest, "invalid_ts_latest": InvalidRequest,
		"invalid_ts_oldest": InvalidRequest,
		"invalid_arg_name":  InvalidRequest, "invalid_array_arg": InvalidRequest, "invalid_charset": InvalidRequest,
		"invalid_form_data": InvalidRequest, "invalid_post_type": InvalidRequest, "missing_post_type": InvalidRequest,
		"missing_charset": InvalidRequest, "invalid_json": InvalidRequest, "json_not_object": InvalidRequest,
		"invalid_name": InvalidRequest, "invalid_payload": InvalidRequest, "invalid_limit": InvalidRequest,
		"invalid_users": InvalidRequest, "time_in_past": InvalidRequest, "time_too_far": InvalidRequest,
		"expired_trigger_id": InvalidRequest, "invalid_trigger_id": InvalidRequest, "trigger_expired": InvalidRequest,
		"exchanged_trigger_id": InvalidRequest,
	},
	ids:         []string{"X-Slack-Req-Id"},
	hidesErrors: []place{{path: "/api/"}},
	punishes:    true,
	scope:       Host | Credential | Method,
}

// https://www.twilio.com/docs/api/errors
var twilio = &family{
	name:   "twilio",
	hosts:  []string{".twilio.com"},
	shapes: []string{"moreinfo code", "Header:Twilio-Request-Id"},
	numbers: []numbers{
		{20003, 20003, Authentication}, {20004, 20004, InvalidRequest}, {20005, 20005, Permission}, {20006, 20008, Permission},
		{20009, 20009, Conflict}, {20404, 20404, NotFound}, {20403, 20403, Permission}, {20409, 20409, Conflict},
		{20412, 20412, Conflict}, {20413, 20413, TooLarge}, {20429, 20429, RateLimit}, {20500, 20500, ServerError},
		{20503, 20503, Unavailable}, {20504, 20504, Timeout},
		{14107, 14107, RateLimit}, {21202, 21202, Quota}, {21408, 21408, Permission}, {21610, 21610, Permission},
		{21611, 21611, RateLimit}, {22107, 22107, RateLimit}, {30001, 30001, RateLimit}, {30002, 30002, Permission},
		{30004, 30004, Permission}, {30007, 30007, ContentPolicy}, {30022, 30022, RateLimit}, {30023, 30023, Quota},
		{63018, 63018, RateLimit}, {63038, 63038, Quota}, {38, 38, Quota},
		{20001, 20002, InvalidRequest}, {21100, 21999, InvalidRequest}, {60200, 60200, InvalidRequest}, {60202, 60203, RateLimit},
	},
	phrases: []words{{Quota, "", []string{"account is not active", "account suspended", "insufficient funds"}}},
	ids:     []string{"Twilio-Request-Id"},
	scope:   Host | Credential,
}

// https://shopify.dev/docs/api/usage/response-codes, https://shopify.dev/docs/api/usage/rate-limits
var shopify = &family{
	name:   "shopify",
	hosts:  []string{".myshopify.com", ".shopify.com"},
	shapes: []string{"Header:X-Shopify-Shop-Api-Call-Limit", "Header:X-Shopid", "extensions.cost.throttlestatus"},
	codes: map[string]Class{
		"THROTTLED": RateLimit, "ACCESS_DENIED": Permission, "SHOP_INACTIVE": Quota, "INTERNAL_SERVER_ERROR": ServerError,
		"MAX_COST_EXCEEDED": TooLarge, "UNAUTHORIZED": Authentication, "TIMEOUT": Timeout,
	},
	phrases: []words{
		{RateLimit, "", []string{"exceeded*calls per second", "too many requests"}}, {Quota, "", []string{"unavailable shop"}},
		{Authentication, "401 403", []string{"invalid api key or access token"}},
		{Permission, "403", []string{"requires merchant approval"}},
	},
	statuses: map[int]Class{423: Permission, 430: RateLimit},
	ids:      []string{"X-Request-Id"},
	scope:    Host | Credential,
	// https://shopify.dev/docs/api/admin-rest/usage/rate-limits: used/limit.
	limitHeaders: []wait.Headers{{Prefix: "X-Shopify-Shop-Api-Call-Limit", Unit: wait.Requests, Value: wait.UsedAndLimit}},
}

// https://linear.app/developers/rate-limiting
var linear = &family{
	name: "linear", hosts: []string{"api.linear.app"},
	codes: map[string]Class{
		"RATELIMITED": RateLimit, "AUTHENTICATION_ERROR": Authentication, "FEATURE_NOT_ACCESSIBLE": Permission,
		"USAGE_LIMIT_EXCEEDED": Quota, "INPUT_ERROR": InvalidRequest,
	},
	hidesErrors: []place{{path: "/", method: http.MethodPost}},
	scope:       Host | Credential,
	limits:      wait.Defaults{Unit: wait.Requests},
}

// https://developers.notion.com/reference/errors
var notion = &family{
	name:   "notion",
	hosts:  []string{"api.notion.com", "www.notion.so"},
	shapes: []string{"object=error status code message"},
	codes: map[string]Class{
		"invalid_json": InvalidRequest, "invalid_request_url": NotFound, "invalid_request": InvalidRequest,
		"validation_error": InvalidRequest, "missing_version": InvalidRequest, "unauthorized": Authentication,
		"restricted_resource": Permission,
		"object_not_found":    NotFound, "conflict_error": Conflict, "rate_limited": RateLimit, "internal_server_error": ServerError,
		"service_unavailable": Unavailable, "database_connection_unavailable": Unavailable, "gateway_timeout": Timeout,
		"bad_gateway":           Unavailable,
		"UserRateLimitResponse": RateLimit, "UnauthorizedError": Authentication, "ValidationError": InvalidRequest,
	},
	repeat: map[string]Repeat{"conflict_error": Always},
	scope:  Host | Credential,
}

// https://developer.atlassian.com/cloud/jira/platform/rate-limiting/
var atlassian = &family{
	name:   "atlassian",
	hosts:  []string{".atlassian.net", "api.atlassian.com", "api.bitbucket.org", "api.trello.com"},
	shapes: []string{"errormessages errors", "errormessages.0"},
	hints:  map[string]Class{"API_TOKEN_LIMIT_EXCEEDED": RateLimit, "API_KEY_LIMIT_EXCEEDED": RateLimit, "API_KEY_DB_LIMIT_EXCEEDED": RateLimit},
	phrases: []words{
		{NotFound, "404", []string{"does not exist or you do not have permission"}},
		{Authentication, "", []string{"must be authenticated"}},
	},
	ids:          []string{"Atl-Traceid", "X-Arequestid"},
	scope:        Host | Credential,
	limits:       wait.Defaults{Unit: wait.Requests},
	limitHeaders: []wait.Headers{{Prefix: "Beta-Ratelimit", Structured: true}}, // a trial of the IETF's draft
}

// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm
var salesforce = &family{
	name:   "salesforce",
	hosts:  []string{".salesforce.com", ".force.com", ".salesforce-setup.com"},
	shapes: []string{"0.errorcode"},
	codes: map[string]Class{
		"EXCEEDED_ID_LIMIT": Quota, "STORAGE_LIMIT_EXCEEDED": Quota,
		"LICENSE_LIMIT_EXCEEDED": Quota, "LIMIT_EXCEEDED": Quota, "API_DISABLED_FOR_ORG": Permission,
		"API_CURRENTLY_DISABLED": Unavailable, "TXN_SECURITY_METERING_ERROR": Permission, "MAXIMUM_SIZE_OF_ATTACHMENT": TooLarge,
		"EXCEEDED_MAX_SIZE_REQUEST": TooLarge, "INVALID_SESSION_ID": Authentication, "INVALID_AUTH_HEADER": Authentication,
		"INVALID_LOGIN": Authentication, "LOGIN_MUST_USE_SECURITY_TOKEN": Authentication, "PASSWORD_LOCKOUT": Permission,
		"INSUFFICIENT_ACCESS": Permission, "INSUFFICIENT_ACCESS_OR_READONLY": Permission,
		"INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": Permission,
		"FUNCTIONALITY_NOT_ENABLED":                     Permission, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": InvalidRequest, "NOT_FOUND": NotFound,
		"INVALID_TYPE": NotFound, "ENTITY_IS_DELETED": NotFound, "INVALID_ID_FIELD": InvalidRequest, "MALFORMED_ID": InvalidRequest,
		"MALFORMED_QUERY": InvalidRequest, "INVALID_FIELD": InvalidRequest, "INVALID_QUERY_LOCATOR": InvalidRequest,
		"JSON_PARSER_ERROR":      InvalidRequest,
		"REQUIRED_FIELD_MISSING": InvalidRequest, "FIELD_CUSTOM_VALIDATION_EXCEPTION": InvalidRequest,
		"STRING_TOO_LONG": InvalidRequest, "INVALID_CROSS_REFERENCE_KEY": InvalidRequest, "METHOD_NOT_ALLOWED": InvalidRequest,
		"INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": InvalidRequest, "DUPLICATE_VALUE": Conflict, "DUPLICATES_DETECTED": Conflict,
		"ENTITY_IS_LOCKED": Conflict, "UNABLE_TO_LOCK_ROW": Conflict,
		"QUERY_TIMEOUT": Timeout, "SERVER_UNAVAILABLE": Unavailable, "UNKNOWN_EXCEPTION": ServerError, "APEX_ERROR": ServerError,
		"QUERY_TOO_COMPLICATED": TooLarge, "OPERATION_TOO_LARGE": TooLarge, "CONCURRENT_REQUESTS_LIMIT_EXCEEDED": RateLimit,
		"invalid_grant": Authentication, "inactive_user": Permission, "inactive_org": Permission,
	},
	// Under one code: a day's calls, or too many long ones at once, which pass.
	hints:   map[string]Class{"REQUEST_LIMIT_EXCEEDED": Quota},
	phrases: []words{{RateLimit, "403 429 503", []string{"concurrent"}}},
	repeat:  map[string]Repeat{"UNABLE_TO_LOCK_ROW": Always},
	scope:   Host | Credential,
}

// https://developers.hubspot.com/docs/api-reference/error-handling
var hubSpot = &family{
	name:   "hubspot",
	hosts:  []string{"api.hubapi.com", ".hubapi.com", "api.hubspot.com"},
	shapes: []string{"correlationid category", "correlationid errortype"},
	codes: map[string]Class{
		"INVALID_AUTHENTICATION": Authentication, "EXPIRED_AUTHENTICATION": Authentication, "MISSING_SCOPES": Permission,
		"BANNED": Permission, "REQUIRES_CONTACTS_SCOPE": Permission, "OBJECT_NOT_FOUND": NotFound, "RESOURCE_NOT_FOUND": NotFound,
		"OBJECT_ALREADY_EXISTS": Conflict, "CONFLICT": Conflict,
		"VALIDATION_ERROR": InvalidRequest, "PROPERTY_DOESNT_EXIST": InvalidRequest, "USER_LEVEL_PERMISSIONS": Permission,
		"MIGRATION_IN_PROGRESS": Unavailable,
	},
	hints:   map[string]Class{"RATE_LIMIT": RateLimit, "RATE_LIMITS": RateLimit},
	phrases: []words{{Quota, "429", []string{"daily limit", "monthly limit"}}},
	ids:     []string{"X-Hubspot-Correlation-Id"},
	scope:   Host | Credential,
	// https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines: -Daily is a limit.
	limitHeaders: []wait.Headers{{Prefix: "X-Hubspot-Ratelimit", Unit: wait.Requests, Value: wait.LimitAlone}},
}

// https://learn.microsoft.com/en-us/graph/errors
// https://learn.microsoft.com/en-us/azure/azure-resource-manager/troubleshooting/common-deployment-errors
var microsoft = &family{
	name: "microsoft",
	hosts: []string{
		"graph.microsoft.com", "graph.microsoft.us", "management.azure.com", "login.microsoftonline.com", ".sharepoint.com",
		".dynamics.com", "outlook.office365.com", "outlook.office.com", ".core.windows.net", ".documents.azure.com",
		".search.windows.net", ".vault.azure.net",
	},
	shapes: []string{"error.innererror.requestid", "error.innererror.date", "Header:X-Ms-Ags-Diagnostic"},
	codes: map[string]Class{
		"ApplicationThrottled": RateLimit, "activityLimitReached": RateLimit, "throttledRequest": RateLimit,
		"MailboxConcurrency": RateLimit, "TooManyRequests": RateLimit, "ErrorExceededMessageLimit": Quota,
		"SubscriptionRequestsThrottled": RateLimit, "ErrorServerBusy": Overloaded, "ServerBusy": Overloaded,
		"SubscriptionQuotaExceeded": Quota,
		"quotaLimitReached":         Quota, "ErrorQuotaExceeded": Quota, "QuotaExceeded": Quota, "insufficientQuota": Quota,
		"MailboxNotEnabledForRESTAPI": Permission, "ErrorInvalidRecipients": InvalidRequest, "SkuNotAvailable": Overloaded,
		"AllocationFailed": Overloaded, "ZonalAllocationFailed": Overloaded, "ReadOnlyDisabledSubscription": Quota,
		"InvalidAuthenticationToken": Authentication, "InvalidAuthenticationTokenTenant": Authentication,
		"ExpiredAuthenticationToken": Authentication, "CompactToken": Authentication, "AuthenticationFailed": Authentication,
		"unauthenticated": Authentication, "TokenExpired": Authentication, "AuthenticationError": Authentication,
		"UnknownAuthenticationError":  Authentication,
		"Authorization_RequestDenied": Permission, "Authorization_IdentityNotFound": Authentication,
		"ErrorAccessDenied": Permission, "AuthorizationFailed": Permission, "LinkedAuthorizationFailed": Permission,
		"RequestDisallowedByPolicy": Permission, "MissingSubscriptionRegistration": Permission, "notAllowed": Permission,
		"DisallowedOperation":      Permission,
		"Request_ResourceNotFound": NotFound, "ErrorItemNotFound": NotFound, "itemNotFound": NotFound, "ResourceNotFound": NotFound,
		"ResourceGroupNotFound": NotFound, "SubscriptionNotFound": NotFound, "ErrorInvalidUser": NotFound, "BlobNotFound": NotFound,
		"ContainerNotFound": NotFound, "SyncStateNotFound": NotFound, "ParentResourceNotFound": NotFound, "NotFound": NotFound,
		"resyncRequired": Conflict, "nameAlreadyExists": Conflict, "resourceModified": Conflict, "resourceLocked": Conflict,
		"editConflict": Conflict, "AnotherOperationInProgress": Conflict, "ConditionNotMet": Conflict, "LeaseIdMissing": Conflict,
		"Request_MultipleObjectsWithSameKeyValue": Conflict, "ErrorIrresolvableConflict": Conflict,
		"Request_UnsupportedQuery": InvalidRequest, "Request_BadRequest": InvalidRequest, "ErrorInvalidIdMalformed": InvalidRequest,
		"BadRequest": InvalidRequest, "invalidRange": InvalidRequest, "malformedEntityTag": InvalidRequest,
		"notSupported": InvalidRequest, "DeploymentFailed": InvalidRequest, "InvalidTemplate": InvalidRequest,
		"serviceNotAvailable": Unavailable, "ServiceUnavailable": Unavailable, "generalException": ServerError,
		"ErrorInternalServerError": ServerError, "ErrorInternalServerTransientError": Unavailable, "ErrorTimeoutExpired": Timeout,
		"OperationTimedOut": Timeout, "GatewayTimeout": Timeout, "MaxContentLengthExceeded": TooLarge,
		"RequestBodyTooLarge": TooLarge, "malwareDetected": Permission,
	},
	hints: map[string]Class{"accessDenied": Permission, "invalidRequest": InvalidRequest},
	phrases: []words{
		{Quota, "400 409", []string{"quota*exceed", "exceeding approved", "core quota"}},
		{Unavailable, "", []string{"aadsts90033", "aadsts90006", "aadsts90012", "aadsts90024", "aadsts90051"}}, // as documented, transient
		{Authentication, "400 401", []string{"aadsts"}},
	},
	codeHeaders:  []string{"X-Ms-Error-Code"},
	ids:          []string{"Request-Id", "X-Ms-Request-Id", "Sprequestguid"},
	scope:        Host | Credential,
	limitHeaders: []wait.Headers{{Prefix: "X-Ms-Ratelimit", Unit: wait.Requests}}, // of Azure Resource Manager
	// Cosmos DB's answer to a request rate too large, and API Management's.
	waitHeaders: []wait.WaitHeader{{Name: "X-Ms-Retry-After-Ms", Unit: time.Millisecond}},
}

// https://developers.facebook.com/docs/graph-api/guides/error-handling
// https://developers.facebook.com/docs/graph-api/overview/rate-limiting
var meta = &family{
	name:   "meta",
	hosts:  []string{"graph.facebook.com", "graph.instagram.com", "graph.threads.net"},
	shapes: []string{"error.fbtraceid"},
	numbers: []numbers{
		{1, 1, ServerError}, {2, 2, Unavailable}, {3, 3, Permission}, {4, 4, RateLimit}, {10, 10, Permission}, {17, 17, RateLimit},
		{32, 32, RateLimit}, {33, 33, NotFound}, {100, 100, InvalidRequest}, {102, 102, Authentication}, {104, 104, Authentication},
		{190, 190, Authentication}, {200, 299, Permission}, {341, 341, RateLimit}, {368, 368, Permission},
		{463, 467, Authentication}, {506, 506, Conflict}, {613, 613, RateLimit},
		{803, 803, NotFound}, {1609005, 1609005, InvalidRequest}, {80000, 80014, RateLimit}, {130429, 130429, RateLimit},
		{131048, 131048, RateLimit}, {131056, 131056, RateLimit}, {131042, 131042, Quota}, {131005, 131005, Permission},
		{131031, 131031, Permission}, {131016, 131016, Unavailable}, {131000, 131000, ServerError}, {133016, 133016, RateLimit},
	},
	scope: Host | Credential,
}
