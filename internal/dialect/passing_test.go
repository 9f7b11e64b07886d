package dialect

import (
	"testing"
	"time"
)

// A conflict with work that is under way ends with that work.
func TestConflictsThatPass(t *testing.T) {
	for _, s := range []said{
		{409, `The resource is being updated by another request`},
		{409, `Another deployment is in progress`},
		{409, `A build is already running`},
		{409, `Operation already in progress`},
		{409, `Concurrent modification detected, please retry`},
		{409, `optimistic lock exception`},
		{409, `Row was updated or deleted by another transaction`},
		{409, `The instance is currently being created`},
		{409, `Cluster is in UPDATING state`},
		{409, `resource busy`},
		{409, `Lock is held by another process`},
		{409, `The environment is still provisioning`},
		{409, `Please wait for the previous request to finish`},
		{409, `a request with this idempotency key is still being processed`},
		{409, `previous export has not finished yet`},
		{409, `session is locked by another request`},
		{409, `The job is still running`},
		{409, `conflicts with an ongoing operation`},
		{409, `VM is not in a stable state`},
		{409, `transaction conflict, retry`},
		{409, `WriteConflict`},
		{409, `任务正在执行中`},
		{409, `上一个请求正在处理`},
	} {
		if v := s.verdict(t); v.Class != Conflict || v.Repeat != Passing {
			t.Errorf("%s: got %s, %d", s.text, v.Class, v.Repeat)
		}
	}
}

// A conflict with what is there already stays.
func TestConflictsThatStay(t *testing.T) {
	for _, s := range []said{
		{409, `Username already taken`},
		{409, `A project with that name already exists`},
		{409, `Email address is already registered`},
		{409, `The branch already exists`},
		{409, `version mismatch: expected 4, got 5`},
		{409, `ETag does not match`},
		{409, `Cannot delete a non-empty bucket`},
		{409, `Bucket not empty`},
		{409, `The order has already been shipped`},
		{409, `Invoice is already paid`},
		{409, `Subscription is cancelled`},
		{409, `idempotency key was used with a different body`},
		{409, `this seat is already booked`},
		{409, `item out of stock`},
		{409, `Can't transition from done to open`},
		{409, `Job has finished and cannot be cancelled`},
		{409, `Merge conflict`},
		{409, `The image is used by a running container`},
		{409, `Resource is in use by another resource`},
		{409, `not fast-forward`},
		{409, `conflict`},
		{409, `The request could not be completed due to a conflict with the current state of the resource.`},
		{409, `Duplicate request`},
		{409, `Slot unavailable`},
		{409, `email in use`},
		{409, `A record with this key exists`},
		{409, `The session is closed`},
		{409, `User is not a member of the group`},
		{409, `quantity not available`},
		{409, `Cannot update a completed task`},
		{409, `The number is already being used`},
		{409, `already subscribed`},
		{409, `Time slot is no longer available`},
		{409, `insufficient inventory`},
		{409, `server already running`},
		{409, `container is already running`},
		{409, `container abc is not running`},
		{409, `port is already allocated`},
		{409, `You are already a member`},
		{409, `instance is already started`},
		{409, `pod is already in the running state`},
		{409, `This name is currently reserved by another user`},
		{409, `Revision conflict`},
		{409, `Document update conflict.`},
		{409, `The task was already claimed`},
		{409, `An active subscription exists`},
		{409, `A pending invitation exists for this email`},
		{409, `offset mismatch, expected 1024`},
		{409, `Contact already exists. Existing ID: 51`},
		{409, `Terminated by other long poll request`},
		{409, `The repository is empty`},
		{409, `Git Repository is empty.`},
		{409, `Account has pending payouts`},
		{409, `There are existing jobs for this queue`},
		{409, `There is already an open pull request`},
		{409, `app is in use by another session`},
	} {
		if v := s.verdict(t); v.Repeat != ByClass {
			t.Errorf("%s: got %s, %d", s.text, v.Class, v.Repeat)
		}
	}
}

// With 429 some say that what a plan allows in all is used up.
func TestAllowancesUnder429(t *testing.T) {
	for _, s := range []said{
		{429, `You have used all of your API calls for this month`},
		{429, `Spend cap reached for this workspace`},
		{429, `Customer spend limit hit`},
		{429, `Your allowance for today is used up`},
		{429, `Daily cap reached`},
		{429, `You have hit your limit for today. Resets at midnight`},
		{429, `Usage cap exceeded. Upgrade to continue`},
		{429, `Weekly limit reached`},
		{429, `5-hour limit reached, resets 8pm`},
		{429, `You've hit your usage limit. Try again at 8:00 PM`},
		{429, `You have no searches left`},
		{429, `No remaining requests in your plan`},
		{429, `Your free messages are used up`},
		{429, `Free usage limit reached, please subscribe`},
		{429, `Budget exceeded for key`},
		{429, `budget limit of $50 exceeded`},
		{429, `Insufficient credits`},
		{429, `Account is out of funds`},
		{429, `Trial request limit reached`},
		{429, `Maximum requests for your subscription reached`},
		{429, `You exceeded the number of requests allowed by your subscription this month`},
		{429, `API calls quota exceeded! maximum admitted 100 per Day`},
		{429, `tokens per day limit exceeded`},
		{429, `Limit of 1000 requests per 24h exceeded`},
		{429, `今日调用次数已用完`},
		{429, `您的免费次数已用完`},
		{429, `Has superado el límite diario de consultas`},
		{429, `max requests per month reached`},
		{429, `You've reached the access limit for this client. Please email us`},
		{429, `credits required`},
		{429, `image generation quota is used up`},
		{429, `24 hour limit exceeded`},
	} {
		if v := s.verdict(t); v.Class != Quota && v.Window <= time.Hour {
			t.Errorf("%s: got %s", s.text, v.Class)
		}
	}
	for _, s := range []said{
		{429, `You are sending requests too fast`},
		{429, `Please slow down`},
		{429, `Maximum of 5 requests per second`},
		{429, `Concurrent session limit reached`},
		{429, `Too many active jobs`},
		{429, `Limit: 60/min`},
		{429, `Quota exceeded for metric requests per minute`},
		{429, `Request was throttled. Expected available in 12 seconds.`},
		{429, `Slow down, upgrade to Pro for higher limits`},
		{429, `Burst limit exceeded`},
		{429, `The server is overloaded`},
		{429, `capacity reached, retry shortly`},
		{429, `Too many login attempts, try again in 60 seconds`},
		{429, `API rate limit exceeded for 1.2.3.4. Sign up for a key to get higher limits`},
		{429, `queue full`},
		{429, `token bucket empty`},
		{429, `请求太快了`},
		{429, `max concurrency reached for your plan`},
		{429, `Retry after 3s`},
		{429, `You can only make 10 requests per 10 seconds`},
		{429, `Limit exceeded`},
		{429, `Spamming detected, wait a moment`},
		{429, `cooldown active`},
		{429, `please wait before sending another request`},
		{429, `{"code":"limit"}`},
		{429, `Rate limit reached for gpt-4o on tokens per min (TPM)`},
		{429, `You've exceeded the rate limit for your plan`},
		{429, `Too many requests for your subscription tier`},
		{429, `You have exceeded your per-minute quota`},
		{429, `Image generation rate limit exceeded`},
		{429, `message rate exceeded`},
		{429, `Maximum 3 concurrent requests for free users`},
		{429, `free tier: 20 requests per minute`},
		{429, `Please subscribe to remove the limit of 10 requests per minute`},
		{429, `email sending rate exceeded`},
		{429, `upload quota per minute exceeded`},
		{429, `Quota exceeded. Try again in 30 seconds`},
		{429, `storage rate limit`},
		{429, `The budget of requests is exceeded, retry in 5s`},
	} {
		if v := s.verdict(t); v.Class == Quota {
			t.Errorf("%s: got %s", s.text, v.Class)
		}
	}
}
