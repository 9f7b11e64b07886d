package dialect

// commonStatuses are the classes of the HTTP statuses whose class is not that
// of their hundred.
var commonStatuses = map[int]Class{
	401: Authentication,
	402: Quota,
	403: Permission,
	404: NotFound,
	407: Authentication, // of a proxy
	408: Timeout,
	409: Conflict,
	410: NotFound,
	412: Conflict, // somebody has changed it meanwhile, or it is not in the state that was asked for
	413: TooLarge,
	419: Authentication, // a page that has expired, in Laravel
	420: RateLimit,      // "enhance your calm": Twitter's old 429
	421: Unavailable,    // this connection cannot answer for the host; another may
	423: Conflict,       // locked
	424: ServerError,    // what it depends on failed: Hugging Face's TGI, Bedrock
	425: Unavailable,    // too early: sent again without early data it is fine
	429: RateLimit,
	430: RateLimit,      // Shopify
	431: TooLarge,       // headers
	440: Authentication, // a login that has expired, in IIS
	451: Permission,     // for legal reasons
	460: Canceled,       // AWS ALB: the client went away
	477: Unavailable,    // HubSpot: migration in progress
	494: TooLarge,       // nginx: headers
	495: Authentication, // nginx: the client's certificate
	496: Authentication,
	498: Overloaded,     // Groq: flex capacity is used up
	499: Canceled,       // nginx and Google: the client went away
	501: InvalidRequest, // the method is not known, and never will be by itself
	502: Unavailable,
	503: Unavailable,
	504: Timeout,
	505: InvalidRequest,
	507: Quota, // storage
	508: InvalidRequest,
	509: Quota,          // bandwidth, on shared hosts
	511: Authentication, // of the network: a captive portal
	520: Unavailable,    // 520 to 527 and 530 are Cloudflare's words for an origin in trouble
	521: Unavailable,
	522: Unavailable,
	523: Unavailable,
	524: Timeout,
	525: Unavailable,
	526: Unavailable,
	527: Unavailable,
	529: Overloaded, // Anthropic
	530: Unavailable,
	561: Authentication, // AWS ALB
	598: Timeout,        // of a proxy, to read
	599: Timeout,        // of a proxy, to connect
	999: Permission,     // LinkedIn: bots
}

func byHundred(status int) Class {
	switch status / 100 {
	case 4:
		return InvalidRequest
	case 5:
		return ServerError
	}
	return Unknown
}
