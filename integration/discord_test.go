package integration

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/bwmarrin/discordgo"
)

func newDiscord(client *http.Client) (*discordgo.Session, error) {
	session, err := discordgo.New("Bot test-token")
	if err != nil {
		return nil, err
	}
	session.Client = client // for REST; the gateway is a websocket of its own
	return session, nil
}

var discordSDK = sdk{
	name:   "discordgo",
	module: "github.com/bwmarrin/discordgo",
	recipe: "newDiscord",
	open: func(client *http.Client) (calls, error) {
		c, err := newDiscord(client)
		return discordCalls(c), err
	},
	off: `c.MaxRestRetries, c.ShouldRetryOnRateLimit = 0, false`,
	once: func(client *http.Client) (calls, error) {
		c, err := newDiscord(client)
		if err == nil {
			c.MaxRestRetries, c.ShouldRetryOnRateLimit = 0, false
		}
		return discordCalls(c), err
	},
	typed: func(err error) (failure, bool) {
		var e *discordgo.RESTError
		if !errors.As(err, &e) || e.Message == nil {
			return failure{}, false
		}
		return failure{status: e.Response.StatusCode, code: strconv.Itoa(e.Message.Code), message: e.Message.Message}, true
	},
	success:  reply(200, `{"id":"1","name":"steady"}`),
	text:     "steady",
	down:     reply(503, `{"code":0,"message":"503: Service Unavailable"}`),
	refused:  failed{reply(404, `{"code":10003,"message":"Unknown Channel"}`), failure{status: 404, code: "10003", message: "Unknown Channel"}},
	hopeless: failed{reply(403, `{"code":50013,"message":"Missing Permissions"}`), failure{status: 403, code: "50013", message: "Missing Permissions"}},
	created:  reply(200, `{"id":"1"}`),
}

func discordCalls(c *discordgo.Session) calls {
	return calls{
		ask: func(ctx context.Context) (string, error) {
			channel, err := c.Channel("1", discordgo.WithContext(ctx))
			if err != nil {
				return "", err
			}
			return channel.Name, nil
		},
		upload: func(ctx context.Context, file io.Reader) error {
			_, err := c.ChannelFileSend("1", "notes.txt", file, discordgo.WithContext(ctx))
			return err
		},
		write: func(ctx context.Context) error {
			_, err := c.ChannelMessageSend("1", "hello", discordgo.WithContext(ctx))
			return err
		},
	}
}
