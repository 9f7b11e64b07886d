package dialect

import (
	"net/http"
	"strings"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/wait"
)

// AWS, in its JSON and XML protocols, and who imitates S3.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
// https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html
var aws = &family{
	name:   "aws",
	hosts:  []string{".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".on.aws"},
	shapes: []string{"Header:X-Amzn-Errortype", "Header:X-Amz-Request-Id", "Header:X-Amzn-Requestid", "type=*Exception message"},
	codes: map[string]Class{
		// What the SDKs call throttling.
		"Throttling": RateLimit, "ThrottledException": RateLimit, "RequestThrottledException": RateLimit, "RequestThrottled": RateLimit,
		"TooManyRequestsException": RateLimit, "ProvisionedThroughputExceededException": RateLimit,
		"TransactionInProgressException": Conflict, "RequestLimitExceeded": RateLimit,
		"BandwidthLimitExceeded": RateLimit, "PriorRequestNotComplete": RateLimit, "SlowDown": RateLimit,
		"EC2ThrottledException": RateLimit, "RequestRateTooHigh": RateLimit,
		"TooManyConcurrentRequests": RateLimit, "ReservationRateExceeded": RateLimit, "CallRateLimitExceeded": RateLimit,
		"KMSThrottlingException": RateLimit, "LimitExceededThrottling": RateLimit,

		// What a person must lift.
		"ServiceQuotaExceededException": Quota, "AccountProblem": Quota, "OptInRequired": Permission, "TooManyBuckets": Quota,
		"InstanceLimitExceeded": Quota, "VcpuLimitExceeded": Quota,
		"AddressLimitExceeded": Quota, "NotSignedUp": Quota, "CodeStorageExceededException": Quota,
		"ResourceCountLimitExceeded": Quota, "QuotaExceededException": Quota, "PendingVerification": Permission,

		"ServiceUnavailable": Unavailable, "ServiceUnavailableException": Unavailable, "Unavailable": Unavailable,
		"ModelNotReadyException": Unavailable, "PriorityQueueFull": Overloaded,
		"InsufficientInstanceCapacity": Overloaded, "InsufficientHostCapacity": Overloaded, "InsufficientCapacity": Overloaded,
		"InsufficientCapacityOnHost": Overloaded, "Busy": Overloaded,
		"ServerBusy":    Overloaded, // Azure storage
		"InternalError": ServerError, "InternalFailure": ServerError, "InternalServerError": ServerError,
		"InternalServerException": ServerError, "InternalServiceErrorException": ServerError, "ModelErrorException": ServerError,
		"ServiceException":          ServerError,
		"ModelStreamErrorException": ServerError, "TransientError": Unavailable,
		"ModelTimeoutException": Timeout, "RequestTimeout": Timeout, "RequestTimeoutException": Timeout, "OperationTimedOut": Timeout,

		"UnrecognizedClientException": Authentication, "InvalidClientTokenId": Authentication,
		"InvalidSignatureException": Authentication, "SignatureDoesNotMatch": Authentication, "IncompleteSignature": Authentication,
		"IncompleteSignatureException": Authentication,
		"ExpiredToken":                 Authentication, "ExpiredTokenException": Authentication, "TokenRefreshRequired": Authentication,
		"InvalidToken": Authentication, "MissingAuthenticationToken": Authentication,
		"MissingAuthenticationTokenException": Authentication,
		"InvalidAccessKeyId":                  Authentication, "AuthFailure": Authentication, "RequestTimeTooSkewed": Authentication,
		"RequestExpired": Authentication, "RequestInTheFuture": Authentication, "AuthorizationHeaderMalformed": Authentication,
		"NotAuthenticated":      Authentication,
		"MissingSecurityHeader": Authentication, "CredentialsNotSupported": Authentication, "UnauthorizedException": Authentication,
		"AuthenticationFailed": Authentication, "ExpiredIteratorException": InvalidRequest,
		"AccessDenied": Permission, "AccessDeniedException": Permission, "UnauthorizedOperation": Permission,
		"UnauthorizedAccess": Permission, "NotAuthorized": Permission, "AllAccessDisabled": Permission,
		"AccountDisabled": Permission, "Blocked": Permission,
		"ForbiddenException": Permission, "KMSAccessDeniedException": Permission, "AuthorizationError": Permission,
		"AuthorizationErrorException": Permission, "MethodNotAllowed": InvalidRequest,

		"NoSuchKey": NotFound, "NoSuchBucket": NotFound, "NoSuchUpload": NotFound, "NoSuchVersion": NotFound,
		"NoSuchEntity": NotFound, "ResourceNotFoundException": NotFound, "ResourceNotFound": NotFound,
		"NotFoundException": NotFound, "UnknownOperationException": NotFound, "InvalidAction": NotFound,
		"NoSuchLifecycleConfiguration": NotFound, "ModelNotFoundException": NotFound, "BlobNotFound": NotFound,
		"ContainerNotFound": NotFound,
		"QueueDoesNotExist": NotFound, "AWS.SimpleQueueService.NonExistentQueue": NotFound, "TableNotFoundException": NotFound,
		"DBInstanceNotFound": NotFound, "NoSuchTagSet": NotFound, "NoSuchBucketPolicy": NotFound,

		"ConditionalCheckFailedException": Conflict, "ConflictException": Conflict, "ResourceConflictException": Conflict,
		"ResourceInUseException": Conflict, "TransactionConflictException": Conflict, "OperationAborted": Conflict,
		"PreconditionFailed":         Conflict,
		"ConditionalRequestConflict": Conflict, "BucketAlreadyExists": Conflict, "BucketAlreadyOwnedByYou": Conflict,
		"EntityAlreadyExists": Conflict, "ResourceAlreadyExistsException": Conflict, "IdempotentParameterMismatch": Conflict,
		"IdempotentParameterMismatchException": Conflict,
		"TransactionCanceledException":         Conflict, "ConcurrentModificationException": Conflict, "DeleteConflict": Conflict,
		"IncorrectInstanceState": Conflict, "DependencyViolation": Conflict, "QueueDeletedRecently": Conflict, "InvalidObjectState": Conflict,

		"EntityTooLarge": TooLarge, "RequestEntityTooLargeException": TooLarge, "MaxMessageLengthExceeded": TooLarge,
		"ItemCollectionSizeLimitExceededException": TooLarge, "RequestTooLargeException": TooLarge,
		"KeyTooLongError": InvalidRequest,
	},
	hints: map[string]Class{
		"ThrottlingException": RateLimit, "LimitExceededException": Quota, "LimitExceeded": Quota,
		"ValidationException": InvalidRequest, "ValidationError": InvalidRequest, "InvalidParameterValue": InvalidRequest,
		"InvalidParameterException": InvalidRequest, "MissingParameter": InvalidRequest, "InvalidRequestException": InvalidRequest,
		"SerializationException": InvalidRequest, "BadRequestException": InvalidRequest,
		"MalformedQueryString": InvalidRequest, "InvalidArgument": InvalidRequest, "MalformedXML": InvalidRequest,
		"PermanentRedirect": InvalidRequest, "InvalidBucketName": InvalidRequest, "BadDigest": InvalidRequest,
		"IllegalLocationConstraintException": InvalidRequest, "InvalidRange": InvalidRequest,
		"InvalidRequestContentException": InvalidRequest,
	},
	phrases: []words{
		{ContextLength, "400", []string{"input is too long", "too many input tokens", "prompt is too long", "expected maxlength"}},
		{Overloaded, "", []string{"unable to process your request due to*capacity"}},
		{InvalidRequest, "400", []string{"with on demand throughput isn't supported"}}, // the model has a profile to be named instead
		{Permission, "400", []string{"operation not allowed"}},
		{NotFound, "400", []string{"model identifier is invalid"}},
	},
	repeat: map[string]Repeat{
		"OperationAborted": Always, "ConditionalRequestConflict": Always, "TransactionInProgressException": Always,
		"TransactionConflictException": Always, "PriorRequestNotComplete": Always,
	},
	tenants:     []string{".execute-api.", ".elb.", ".compute.", ".compute-1.", ".lambda-url.", "s3-website"},
	codeHeaders: []string{"X-Amzn-Errortype"},
	ids:         []string{"X-Amzn-Requestid", "X-Amz-Request-Id", "X-Amzn-Request-Id"},

	hidesErrors: []place{
		// Deleting many objects and completing an upload are POSTs, copying is a
		// PUT: they answer 200 before they are done.
		{hostIs: isS3, method: http.MethodPost},
		{hostIs: isS3, method: http.MethodPut, header: "X-Amz-Copy-Source"},
	},
	storesFiles: isS3,

	inferenceIf: map[string]func(string, http.Header) bool{
		// Bedrock's; Lambda and others invoke things that act.
		"converse": isBedrock, "converse-stream": isBedrock, "invoke": isBedrock, "invoke-with-response-stream": isBedrock,
	},

	// https://docs.aws.amazon.com/bedrock/latest/userguide/inference-chat-completions.html
	bases:    []base{{Bedrock, ""}, {OpenAI, "/openai/v1"}, {OpenAI, "/v1"}, {Anthropic, "/anthropic"}},
	modelsAt: begins("bedrock-"),

	scope: Host | Credential | Path,
	// The SDKs' reference, retry behaviour: milliseconds in spite of the name.
	waitHeaders: []wait.WaitHeader{{Name: "X-Amz-Retry-After", Unit: time.Millisecond}},
}

// isS3 knows AWS's own hosts: example.s3.us-east-1.amazonaws.com, s3.amazonaws.com.
func isS3(host string) bool {
	return strings.HasSuffix(host, ".amazonaws.com") &&
		(strings.HasPrefix(host, "s3.") || strings.HasPrefix(host, "s3-") || strings.Contains(host, ".s3.") || strings.Contains(host, ".s3-"))
}

func isBedrock(path string, _ http.Header) bool { return strings.HasPrefix(path, "/model/") }
