package dialect

// google.rpc.Status, with the codes of google.rpc.Code, the reasons of
// ErrorInfo, and the reasons of the older errors list.
// https://cloud.google.com/apis/design/errors
// https://developers.google.com/drive/api/guides/handle-errors
var google = &family{
	name:  "google",
	hosts: []string{".googleapis.com", ".google.com", ".googleusercontent.com"},
	shapes: []string{
		"error.details.0.@type", "error.errors.0.domain", "error.status=RESOURCE_EXHAUSTED", "error.status=INVALID_ARGUMENT",
		"error.status=UNAVAILABLE", "error.status=NOT_FOUND",
		"error.status=PERMISSION_DENIED", "error.status=UNAUTHENTICATED", "error.status=INTERNAL", "error.status=DEADLINE_EXCEEDED",
		"error.status=FAILED_PRECONDITION", "0.error.status 0.error.code",
	},
	codes: map[string]Class{
		// ErrorInfo: https://github.com/googleapis/googleapis/blob/master/google/api/error_reason.proto
		"API_KEY_INVALID": Authentication, "API_KEY_EXPIRED": Authentication, "ACCESS_TOKEN_EXPIRED": Authentication,
		"ACCESS_TOKEN_TYPE_UNSUPPORTED": Authentication, "CREDENTIALS_MISSING": Authentication,
		"ACCOUNT_STATE_INVALID": Authentication, "SESSION_COOKIE_INVALID": Authentication, "API_KEY_NOT_FOUND": Authentication,
		"JWT_TOKEN_INVALID": Authentication,
		"SERVICE_DISABLED":  Permission, "API_KEY_SERVICE_BLOCKED": Permission, "API_KEY_HTTP_REFERRER_BLOCKED": Permission,
		"API_KEY_IP_ADDRESS_BLOCKED":  Permission,
		"API_KEY_ANDROID_APP_BLOCKED": Permission, "API_KEY_IOS_APP_BLOCKED": Permission, "CONSUMER_SUSPENDED": Permission,
		"CONSUMER_INVALID": Permission, "IAM_PERMISSION_DENIED": Permission,
		"ACCESS_TOKEN_SCOPE_INSUFFICIENT": Permission, "SECURITY_POLICY_VIOLATED": Permission,
		"LOCATION_POLICY_VIOLATED": Permission, "LOCATION_ORG_POLICY_VIOLATED": Permission, "ORG_RESTRICTION_VIOLATION": Permission,
		"USER_PROJECT_DENIED": Permission, "USER_BLOCKED_BY_ADMIN": Permission, "SYSTEM_PARAMETER_UNSUPPORTED": InvalidRequest,
		"INVALID_DESKTOP_CLIENT_ID": Authentication,
		"BILLING_DISABLED":          Quota, "RESOURCE_USAGE_RESTRICTION_VIOLATED": Permission, "RESOURCE_QUOTA_EXCEEDED": Quota,
		"MODEL_CAPACITY_EXHAUSTED": Overloaded, "QUOTA_EXHAUSTED": Quota, "UNSUPPORTED_OS_POLICY": Permission,

		// The older reasons.
		"dailyLimitExceeded": Quota, "dailyLimitExceededUnreg": Quota, "quotaExceeded": Quota, "storageQuotaExceeded": Quota,
		"teamDriveFileLimitExceeded": Quota, "numChildrenInNonRootLimitExceeded": Quota,
		"activeItemCreationLimitExceeded": Quota, "sharingRateLimitExceeded": Quota, "uploadLimitExceeded": Quota,
		"billingNotEnabled": Quota, "billingTierLimitExceeded": Quota, "storageExceeded": Quota, "variableTermLimitExceeded": Quota,
		"accountDisabled": Permission, "accessNotConfigured": Permission, "insufficientPermissions": Permission,
		"insufficientFilePermissions": Permission, "domainPolicy": Permission, "appNotAuthorizedToFile": Permission,
		"ipRefererBlocked": Permission, "keyInvalid": Authentication, "keyExpired": Authentication, "authError": Authentication,
		"required": InvalidRequest, "conditionNotMet": Conflict,
		"lockedDomainCreationFailure": Permission, "userAccess": Permission, "fullSyncRequired": NotFound,
		"updatedMinTooLongAgo": NotFound, "deleted": NotFound,
	},
	hints: map[string]Class{
		"rateLimitExceeded": RateLimit, "userRateLimitExceeded": RateLimit, "RATE_LIMIT_EXCEEDED": RateLimit,
		"servingLimitExceeded": RateLimit, "concurrentLimitExceeded": RateLimit, "jobRateLimitExceeded": RateLimit,
		"limitExceeded":              Quota,
		"userRateLimitExceededUnreg": RateLimit, "variableRateLimit": RateLimit, "tooManyConcurrentRequests": RateLimit,

		"badRequest": InvalidRequest, "invalid": InvalidRequest, "invalidParameter": InvalidRequest, "invalidQuery": InvalidRequest,
		"parseError": InvalidRequest, "notImplemented": InvalidRequest,
		"forbidden": Permission, "accessDenied": Permission, "notFound": NotFound, "conflict": Conflict, "duplicate": Conflict,
		"resourceInUse": Conflict, "aborted": Conflict,
		"backendError": ServerError, "internalError": ServerError, "internalServerError": ServerError,
		"jobInternalError": ServerError, "jobBackendError": ServerError, "unknownError": ServerError,
		"transientError": Unavailable, "backendNotConnected": Unavailable, "notReady": Unavailable, "timeout": Timeout,
		"responsePreparationFailure": ServerError,
		"authErrorRequired":          Authentication, "uploadTooLarge": TooLarge, "responseTooLarge": TooLarge,

		// https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
		"CANCELLED": Canceled, "INVALID_ARGUMENT": InvalidRequest, "FAILED_PRECONDITION": InvalidRequest,
		"OUT_OF_RANGE": InvalidRequest, "UNIMPLEMENTED": InvalidRequest,
		"DEADLINE_EXCEEDED": Timeout, "NOT_FOUND": NotFound, "ALREADY_EXISTS": Conflict, "PERMISSION_DENIED": Permission,
		"UNAUTHENTICATED": Authentication, "RESOURCE_EXHAUSTED": RateLimit,
		"ABORTED": Conflict, "INTERNAL": ServerError, "UNAVAILABLE": Unavailable, "DATA_LOSS": ServerError, "UNKNOWN": ServerError,

		// Why Gemini stopped: https://ai.google.dev/api/generate-content#FinishReason
		"SAFETY": ContentPolicy, "RECITATION": ContentPolicy, "BLOCKLIST": ContentPolicy, "PROHIBITED_CONTENT": ContentPolicy,
		"SPII": ContentPolicy, "IMAGE_SAFETY": ContentPolicy,
		"MODEL_ARMOR": ContentPolicy, "LANGUAGE": ContentPolicy, "OTHER": ContentPolicy, "IMAGE_PROHIBITED_CONTENT": ContentPolicy,
		"JAILBREAK": ContentPolicy,
	},
	phrases: []words{
		{Conflict, "400", []string{"not in an active state"}}, // of an upload that is being processed
		// The order is the point: the same sentence about plan and billing is
		// said of every limit, and only what follows it tells them apart.
		{Quota, "429 403", []string{
			"perday", "queries per day", "requests per day", "per day per", "daily limit", "spending cap",
			"credits are depleted", "prepayment credits",
		}},
		{RateLimit, "429 403", []string{
			"please retry in", "per minute", "perminute", "per second", "per 100 seconds", "resource has been exhausted",
			"resource exhausted", "rate limit exceeded", "insufficient tokens for quota", "quota exceeded for quota metric", "quota exceeded for aiplatform",
		}},
		{Quota, "429", []string{"exceeded your current quota"}},
		{Overloaded, "429 500 503", []string{"model is overloaded", "high demand", "no capacity"}},
		{Permission, "400 403", []string{
			"not available in your country", "location is not supported", "has not been used in project", "it is disabled",
			"unregistered callers", "are blocked", "reported as leaked",
		}},
		{Authentication, "400 401 403", []string{
			"api key not valid", "api key expired", "api key not found", "api_key_invalid", "invalid authentication credentials",
			"without established identity", "unable to authenticate",
		}},
		{ContextLength, "400", []string{"input token count", "exceeds the maximum number of tokens", "tokens allowed"}},
		{TooLarge, "400 413", []string{"request payload size exceeds"}},
		{NotFound, "400 404", []string{"is not found for api version", "was not found or your project does not have access"}},
	},
	tenants:     []string{".googleusercontent.com"},
	ids:         []string{"X-Goog-Request-Id"},
	scope:       Host | Credential,
	countsInput: true, // https://ai.google.dev/gemini-api/docs/rate-limits: tokens per minute, input
}

// gemini is google with a limit a model. Vertex AI has a global host and one for
// each region, whose name comes first.
var gemini = &family{
	name: "google",
	hosts: []string{
		"generativelanguage.googleapis.com", "aiplatform.googleapis.com", "-aiplatform.googleapis.com", "cloudcode-pa.googleapis.com",
	},
	like: google,
	inferenceAnywhere: []string{
		":generateContent", ":streamGenerateContent", ":countTokens", ":embedContent", ":batchEmbedContents", ":rawPredict",
		":streamRawPredict", ":computeTokens", ":generateMessage", ":generateText",
	},
	// https://ai.google.dev/gemini-api/docs/openai
	bases: []base{
		{Gemini, "/v1beta"}, {Gemini, ""}, {Gemini, "/v1"}, {Gemini, "/v1alpha"}, {OpenAI, "/v1beta/openai"},
		{Gemini, "/v1/projects/*/locations/*/publishers/google"}, {Gemini, "/v1/projects/*/locations/*"}, {Gemini, "/v1/publishers/google"},
		{OpenAI, "/v1/projects/*/locations/*/endpoints/openapi"},
	},
	scope: Host | Credential | Model,
}

// The web services of Google Maps fail inside a 200.
// https://developers.google.com/maps/documentation/geocoding/requests-geocoding#StatusCodes
var googleMaps = &family{
	name:  "google",
	hosts: []string{"maps.googleapis.com"},
	like:  google,
	codes: map[string]Class{
		"OVER_QUERY_LIMIT": RateLimit, "OVER_DAILY_LIMIT": Quota, "REQUEST_DENIED": Authentication, "INVALID_REQUEST": InvalidRequest,
		"NOT_FOUND": NotFound, "MAX_ELEMENTS_EXCEEDED": TooLarge, "MAX_WAYPOINTS_EXCEEDED": TooLarge,
		"MAX_ROUTE_LENGTH_EXCEEDED": TooLarge, "MAX_DIMENSIONS_EXCEEDED": TooLarge, "UNKNOWN_ERROR": ServerError,
	},
	hidesErrors: []place{{path: "/maps/api/"}},
	failedInside: func(r *reader) bool {
		switch r.tree.textAt(topStatus) {
		case "", "OK", "ZERO_RESULTS":
			return false
		}
		return true
	},
}
