package integration

import (
	"context"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

var stsSDK = sdk{
	name:   "AWS sts",
	module: "github.com/aws/aws-sdk-go-v2/service/sts",
	recipe: "newAWS",
	open:   func(client *http.Client) (calls, error) { return stsCalls(sts.NewFromConfig(newAWS(client))), nil },
	off:    `config.RetryMaxAttempts = 1`,
	once: func(client *http.Client) (calls, error) {
		return stsCalls(sts.NewFromConfig(awsOnce(client))), nil
	},
	typed:   awsError,
	success: reply(200, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`),
	text:    "123",
	down:    stsError(503, "ServiceUnavailable", "The service is down."),
	refused: failed{
		stsError(400, "ValidationError", "It is not valid."),
		failure{400, "ValidationError", "It is not valid.", "req-1"},
	},
	hopeless: failed{
		stsError(403, "AccessDenied", "You may not."),
		failure{403, "AccessDenied", "You may not.", "req-1"},
	},
	sent: 3, // all that it asks is a POST, which a 503 that names no wait may have carried out: these are its own three
}

func stsCalls(c *sts.Client) calls {
	return calls{
		ask: func(ctx context.Context) (string, error) {
			who, err := c.GetCallerIdentity(ctx, nil)
			if err != nil {
				return "", err
			}
			return aws.ToString(who.Account), nil
		},
	}
}

func stsError(status int, code, message string) steadyhttptest.Reply {
	return reply(status, "<ErrorResponse><Error><Type>Sender</Type><Code>"+code+"</Code><Message>"+message+
		"</Message></Error><RequestId>req-1</RequestId></ErrorResponse>", "X-Amzn-Requestid", "req-1")
}
