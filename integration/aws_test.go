package integration

import (
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"
)

// newAWS makes the configuration of all of AWS's clients: bedrockruntime.NewFromConfig(newAWS(client)).
func newAWS(client *http.Client) aws.Config {
	return aws.Config{
		Region:      "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider("test-id", "test-secret", ""),
		HTTPClient:  client,
	}
}

// awsOnce is newAWS without retries.
func awsOnce(client *http.Client) aws.Config {
	config := newAWS(client)
	config.RetryMaxAttempts = 1
	return config
}

// awsError takes apart what all of AWS's clients return.
func awsError(err error) (failure, bool) {
	var (
		api  smithy.APIError
		resp *awshttp.ResponseError
	)
	if !errors.As(err, &api) || !errors.As(err, &resp) {
		return failure{}, false
	}
	return failure{resp.HTTPStatusCode(), api.ErrorCode(), api.ErrorMessage(), resp.ServiceRequestID()}, true
}

// awsSent is what a permanent 503 costs: the SDK goes on after our last attempt,
// says so in Amz-Sdk-Request, and gets one request for each attempt of its own.
const awsSent = attempts + 2
