package integration

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	twilioclient "github.com/twilio/twilio-go/client"
	twilioapi "github.com/twilio/twilio-go/rest/api/v2010"
)

// newTwilio makes the base of Twilio's clients:
// twilio.NewRestClientWithParams(twilio.ClientParams{Client: newTwilio(client)}).
func newTwilio(client *http.Client) *twilioclient.Client {
	base := &twilioclient.Client{Credentials: twilioclient.NewCredentials("ACtest", "testtoken"), HTTPClient: client}
	base.SetAccountSid("ACtest")
	return base
}

var twilioSDK = sdk{
	name:   "twilio-go",
	module: "github.com/twilio/twilio-go",
	recipe: "newTwilio",
	open: func(client *http.Client) (calls, error) {
		// What twilio.NewRestClientWithParams makes for this API, without sixty others to compile.
		c := twilioapi.NewApiService(twilioclient.NewRequestHandler(newTwilio(client)))
		return calls{
			ask: func(context.Context) (string, error) {
				message, err := c.FetchMessage("SM1", nil)
				if err != nil {
					return "", err
				}
				return *message.Body, nil
			},
			write: func(context.Context) error {
				params := new(twilioapi.CreateMessageParams)
				params.SetTo("+15550001")
				params.SetFrom("+15550002")
				params.SetBody("Hello!")
				_, err := c.CreateMessage(params)
				return err
			},
		}, nil
	},
	typed: func(err error) (failure, bool) {
		var e *twilioclient.TwilioRestError
		if !errors.As(err, &e) {
			return failure{}, false
		}
		return failure{status: e.Status, code: strconv.Itoa(e.Code), message: e.Message}, true
	},
	success: reply(200, `{"sid":"SM1","body":"Hello!"}`),
	text:    "Hello!",
	down:    reply(503, `{"code":20503,"message":"Service unavailable","status":503}`),
	refused: failed{
		reply(404, `{"code":20404,"message":"The requested resource was not found","status":404}`),
		failure{status: 404, code: "20404", message: "The requested resource was not found"},
	},
	hopeless: failed{ // no wait that anybody would sit out
		reply(429, `{"code":63038,"message":"Account exceeded the 50 daily messages limit","status":429}`),
		failure{status: 429, code: "63038", message: "Account exceeded the 50 daily messages limit"},
	},
	deaf: true,
}
