package dialect

import (
	"net/http"
	"strings"

	"github.com/steadyhttp/steadyhttp/internal/wait"
)

// https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api
var github = &family{
	name:   "github",
	hosts:  []string{"api.github.com", "uploads.github.com", "github.com", ".ghe.com"},
	shapes: []string{"documentationurl", "Header:X-Github-Request-Id"},
	codes: map[string]Class{
		"RATE_LIMITED": RateLimit, "MAX_NODE_LIMIT_EXCEEDED": TooLarge, "INSUFFICIENT_SCOPES": Permission, "FORBIDDEN": Permission,
		"NOT_FOUND": NotFound, "SERVICE_UNAVAILABLE": Unavailable, "RESOURCE_LIMITS_EXCEEDED": TooLarge,
	},
	phrases: []words{
		{RateLimit, "200 403 429", []string{
			"rate limit exceeded", "secondary rate limit", "abuse detection mechanism", "rate limit already exceeded",
		}},
		{Conflict, "405 409 422", []string{"required status check", "rule violations", "merge conflict", "not mergeable", "approving review", "branch was modified"}}, // of a merge
		{Authentication, "", []string{"bad credentials", "requires authentication", "credentials were revoked"}},
		{Permission, "403 404", []string{
			"not accessible by", "saml enforcement", "must have admin rights", "must have push access", "forbids access",
			"ip allow list", "suspended", "organization has enabled",
		}},
		{Timeout, "502 504", []string{"result of a timeout"}},
		{Quota, "403", []string{"spending limit", "payments have failed", "billing"}},
	},
	ids:         []string{"X-Github-Request-Id"},
	punishes:    true,
	scope:       Host | Credential | Resource,
	scopeHeader: "X-Ratelimit-Resource",
	bucket:      gitHubResource,
	limits:      wait.Defaults{Unit: wait.Requests},
}

// gitHubResource tells by the path which of GitHub's limits a request counts
// against (https://docs.github.com/rest/rate-limit/rate-limit).
func gitHubResource(_, path string) string {
	path = strings.TrimPrefix(path, "/api/v3")
	switch {
	case path == "/search/code":
		return "code_search"
	case strings.HasPrefix(path, "/search/"):
		return "search"
	case path == "/graphql", path == "/api/graphql":
		return "graphql"
	}
	return "core"
}

// https://docs.github.com/en/github-models/prototyping-with-ai-models#rate-limits
var gitHubModels = &family{
	name:   "github",
	hosts:  []string{"models.github.ai", "models.inference.ai.azure.com", "api.githubcopilot.com", ".githubcopilot.com"},
	shapes: []string{"Header:X-Ratelimit-Type"},
	like:   openAI,
	codes: map[string]Class{
		"RateLimitReached": RateLimit, "tokens_limit_reached": TooLarge, "unknown_model": NotFound, "no_access": Permission,
		"unavailable_model": NotFound, "quota_exceeded": Quota, "model_not_supported": NotFound, "rate_limited": RateLimit,
		"user_weekly_rate_limited": RateLimit, "user_global_rate_limited": RateLimit,
	},
	windowHeader: "X-Ratelimit-Type", // UserByModelByDay
	ids:          []string{"X-Github-Request-Id", "X-Request-Id"},
	scope:        Host | Credential | Model,
}

// https://docs.gitlab.com/api/rest/troubleshooting/
var gitlab = &family{
	name:   "gitlab",
	hosts:  []string{"gitlab.com", ".gitlab.com"},
	shapes: []string{"Header:Ratelimit-Observed", "Header:X-Gitlab-Meta"},
	codes:  map[string]Class{"insufficient_scope": Permission, "invalid_token": Authentication},
	phrases: []words{
		{RateLimit, "429 403", []string{"retry later", "has been requested too many times", "forbidden due to rate"}},
		{Permission, "403", []string{"insufficient_scope"}},
	},
	ids:    []string{"X-Request-Id"},
	scope:  Host | Credential,
	limits: wait.Defaults{Unit: wait.Requests},
}

// https://docs.docker.com/docker-hub/usage/pulls/
var docker = &family{
	name:   "docker",
	hosts:  []string{"registry-1.docker.io", "index.docker.io", "auth.docker.io", "hub.docker.com"},
	scope:  Host | Credential | Resource,
	bucket: dockerResource,
	limits: wait.Defaults{Unit: wait.Requests},
}

// dockerResource tells which of Docker Hub's limits a request counts against: the
// one of pulls, each of which begins with a manifest, or one of its own.
func dockerResource(method, path string) string {
	if method == http.MethodGet && strings.Contains(path, "/manifests/") {
		return "pulls"
	}
	return Route(method, path)
}

// https://docs.discord.com/developers/topics/opcodes-and-status-codes
var discord = &family{
	name:   "discord",
	hosts:  []string{"discord.com", "discordapp.com", "canary.discord.com"},
	shapes: []string{"Header:X-Ratelimit-Bucket", "retryafter global=false", "retryafter global=true", "errors.0._errors"},
	numbers: []numbers{
		{10001, 10099, NotFound}, {20012, 20012, Permission}, {20016, 20016, RateLimit}, {20018, 20018, Permission},
		{20022, 20022, RateLimit}, {20028, 20029, RateLimit}, {20001, 20099, Permission}, {30001, 30999, Quota},
		{31001, 31002, RateLimit}, {40001, 40001, Authentication}, {40002, 40002, Permission}, {40003, 40004, RateLimit},
		{40005, 40005, TooLarge}, {40006, 40006, Unavailable}, {40007, 40007, Permission}, {40012, 40012, Permission},
		{40060, 40062, Conflict}, {40333, 40333, Permission},
		{50001, 50001, Permission}, {50013, 50013, Permission}, {50014, 50014, Authentication}, {50025, 50025, Authentication},
		{50003, 50011, Permission}, {50028, 50028, InvalidRequest}, {50000, 59999, InvalidRequest}, {60003, 60003, Permission},
		{110001, 110001, NotFound}, {130000, 130000, Overloaded},
	},
	phrases:      []words{{RateLimit, "403 429", []string{"blocked from accessing our api temporarily"}}},
	punishes:     true,
	scope:        Host | Credential | Bucket,
	scopeHeader:  "X-Ratelimit-Bucket",
	globalHeader: "X-Ratelimit-Global",
	bucket:       discordRoute,
	limits:       wait.Defaults{Unit: wait.Requests},
}

// discordRoute is a route in which the first long number stays, of a channel, guild
// or webhook: each has buckets of its own
// (https://docs.discord.com/developers/topics/rate-limits).
func discordRoute(method, path string) string { return routeOf(method, path, true) }

func isDiscordID(p *position, part string) bool {
	switch {
	case isSnowflake(part):
		p.ids++
		return p.ids > 1
	case isSnowflake(p.last) && (p.before == "webhooks" || p.before == "interactions"):
		return true // a secret token
	case p.last == "reactions":
		return true // an emoji
	}
	return isID(p, part)
}

// isSnowflake reports whether part is an id of Discord's.
func isSnowflake(part string) bool {
	return len(part) >= 15 && len(part) <= 20 && strings.Trim(part, "0123456789") == ""
}

// https://core.telegram.org/bots/api#making-requests
var telegram = &family{
	name:   "telegram",
	hosts:  []string{"api.telegram.org"},
	shapes: []string{"ok=false errorcode description"},
	phrases: []words{
		{RateLimit, "429", []string{"retry after"}},
		{Permission, "403", []string{"bot was blocked", "bot was kicked", "can't initiate conversation"}},
		{NotFound, "400", []string{"chat not found", "message to edit not found"}},
	},
	hidesErrors: []place{{path: "/"}},
	scope:       Host | Credential,
}

// https://kubernetes.io/docs/reference/using-api/api-concepts/, the reasons of metav1.Status
var kubernetes = &family{
	name:   "kubernetes",
	hosts:  []string{"kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "kubernetes", "kubernetes.default"},
	shapes: []string{"kind=Status apiversion", "status=Failure message code"},
	codes: map[string]Class{
		"Unauthorized": Authentication, "Forbidden": Permission, "NotFound": NotFound, "AlreadyExists": Conflict,
		"Conflict": Conflict, "Gone": NotFound, "Expired": NotFound, "Invalid": InvalidRequest, "BadRequest": InvalidRequest,
		"MethodNotAllowed": InvalidRequest, "NotAcceptable": InvalidRequest, "UnsupportedMediaType": InvalidRequest,
		"RequestEntityTooLarge": TooLarge, "ServerTimeout": Timeout, "Timeout": Timeout, "StoreReadError": InvalidRequest,
	},
	hints: map[string]Class{"TooManyRequests": RateLimit, "InternalError": ServerError, "ServiceUnavailable": Unavailable},
	phrases: []words{
		{Unavailable, "429 500 503", []string{
			"storage is (re)initializing", "etcdserver: leader changed", "no leader", "etcdserver: request timed out",
			"apiserver not ready", "server is currently unable to handle",
		}},
		{Quota, "403", []string{"exceeded quota"}},
	},
	scope: Host | Credential,
}

// Elasticsearch and OpenSearch.
// https://www.elastic.co/guide/en/elasticsearch/reference/current/rest-apis.html
var elastic = &family{
	name:   "elasticsearch",
	hosts:  []string{".es.amazonaws.com", ".elastic-cloud.com", ".cloud.es.io"},
	shapes: []string{"error.rootcause", "error.type=*_exception", "took items.0", "took responses.0"},
	codes: map[string]Class{
		"circuit_breaking_exception": Overloaded, "es_rejected_execution_exception": Overloaded,
		"rejected_execution_exception": Overloaded, "version_conflict_engine_exception": Conflict,
		"resource_already_exists_exception": Conflict,
		"index_not_found_exception":         NotFound, "document_missing_exception": NotFound, "resource_not_found_exception": NotFound,
		"search_context_missing_exception": NotFound, "aliases_not_found_exception": NotFound, "index_closed_exception": Conflict,
		"type_missing_exception":   NotFound,
		"mapper_parsing_exception": InvalidRequest, "document_parsing_exception": InvalidRequest,
		"parsing_exception": InvalidRequest, "parse_exception": InvalidRequest, "x_content_parse_exception": InvalidRequest, "x_content_e_o_f_exception": InvalidRequest,
		"illegal_argument_exception": InvalidRequest, "query_shard_exception": InvalidRequest,
		"strict_dynamic_mapping_exception": InvalidRequest, "action_request_validation_exception": InvalidRequest,
		"invalid_index_name_exception": InvalidRequest, "too_many_clauses": InvalidRequest, "too_many_buckets_exception": TooLarge,
		"no_shard_available_action_exception": Unavailable, "unavailable_shards_exception": Unavailable,
		"master_not_discovered_exception": Unavailable, "node_closed_exception": Unavailable,
		"node_not_connected_exception": Unavailable, "no_node_available_exception": Unavailable,
		"process_cluster_event_timeout_exception": Timeout, "elasticsearch_timeout_exception": Timeout,
		"receive_timeout_transport_exception": Timeout, "timeout_exception": Timeout, "snapshot_in_progress_exception": Conflict,
		"concurrent_snapshot_execution_exception": Conflict,
	},
	hints: map[string]Class{"null_pointer_exception": ServerError},
	phrases: []words{
		{Permission, "403", []string{"is unauthorized for", "blocked by"}},
		{Quota, "403 429", []string{"flood stage"}},
		{NotFound, "400", []string{"no handler found"}},
	},
	hidesErrorsAnywhere: []string{"_bulk", "_msearch", "_mget"},
	scope:               Host,
}

// Cloudflare's own API; what its edge says of others is in the common phrases.
// https://developers.cloudflare.com/fundamentals/api/troubleshooting/
var cloudflare = &family{
	name:   "cloudflare",
	hosts:  []string{"api.cloudflare.com", "gateway.ai.cloudflare.com"},
	shapes: []string{"success=false errors.0.code messages"},
	numbers: []numbers{
		{10000, 10001, Authentication}, {10429, 10429, RateLimit}, {971, 971, RateLimit}, {9103, 9103, Authentication},
		{9106, 9107, Authentication}, {9109, 9109, Authentication}, {6003, 6003, InvalidRequest}, {6111, 6112, Authentication},
		{7000, 7000, NotFound}, {7003, 7003, NotFound},
		{4006, 4006, Quota}, {3036, 3036, Quota}, {3040, 3040, Overloaded}, {3007, 3007, Timeout}, {3039, 3039, TooLarge},
		{5007, 5007, NotFound}, {2009, 2009, Authentication},
	},
	phrases: []words{
		{Quota, "", []string{"daily free allocation", "upgrade to*paid"}},
		{Overloaded, "", []string{"capacity temporarily exceeded"}},
	},
	ids:         []string{rayHeader},
	modelsAt:    begins("gateway.ai."),
	hidesErrors: []place{{host: "api.cloudflare.com", path: "/client/v4/graphql"}},
	scope:       Host | Credential,
}

// PostgREST hands on what PostgreSQL says, at Supabase and elsewhere:
// https://docs.postgrest.org/en/stable/references/errors.html and
// https://www.postgresql.org/docs/current/errcodes-appendix.html
var postgREST = &family{
	name:   "postgrest",
	hosts:  []string{".supabase.co"},
	shapes: []string{"code message details=null hint=null", "code message details hint=null", "code message details=null hint"},
	codes: map[string]Class{
		"P0002": NotFound, "42P01": NotFound, "PGRST116": NotFound, "PGRST125": NotFound, "PGRST202": NotFound, "PGRST205": NotFound,
		"22P02": InvalidRequest, "42P17": ServerError, "40P01": ServerError, "57P01": Unavailable, "57P02": Unavailable, "57P03": Unavailable,
		"PGRST000": Unavailable, "PGRST001": Unavailable, "PGRST002": Unavailable, "PGRST003": Timeout, "PGRST300": ServerError, "PGRST301": Authentication,
		"PGRST302": Authentication, "PGRST303": Authentication,
	},
	numbers: []numbers{
		{8000, 8006, Unavailable}, {22000, 22999, InvalidRequest}, {23502, 23502, InvalidRequest}, {23503, 23503, Conflict}, {23505, 23505, Conflict}, {23514, 23514, InvalidRequest},
		{28000, 28000, Authentication}, {40001, 40001, ServerError}, {42501, 42501, Permission}, {42601, 42601, InvalidRequest}, {42703, 42703, InvalidRequest},
		{42883, 42883, NotFound}, {53000, 53400, Overloaded}, {54000, 54023, TooLarge}, {55006, 55006, Conflict}, {57014, 57014, Timeout},
	},
	ids:   []string{"Sb-Request-Id"},
	scope: Host | Credential,
}
