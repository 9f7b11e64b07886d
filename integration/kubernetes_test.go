package integration

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

func newKubernetes(config *rest.Config) *rest.Config {
	config.Wrap(func(rt http.RoundTripper) http.RoundTripper { // over the transport that config makes, with its TLS and its token
		return &steadyhttp.Transport{Base: rt}
	})
	return config // for kubernetes.NewForConfig, dynamic.NewForConfig and all the others
}

var kubernetesSDK = sdk{
	name:   "Kubernetes client-go",
	module: "k8s.io/client-go",
	recipe: "newKubernetes",
	open: func(client *http.Client) (calls, error) {
		config := &rest.Config{Host: "https://cluster.example", Transport: client.Transport}
		if t, ok := client.Transport.(*steadyhttp.Transport); ok {
			config.Transport = t.Base
			if t.Retrier == nil {
				config = newKubernetes(config)
			} else {
				config.Wrap(func(rt http.RoundTripper) http.RoundTripper {
					return &steadyhttp.Transport{Base: rt, Retrier: t.Retrier}
				})
			}
		}
		// What kubernetes.NewForConfig makes for this group, without a hundred others to compile.
		c, err := coreclient.NewForConfig(config)
		return calls{
			ask: func(ctx context.Context) (string, error) {
				m, err := c.ConfigMaps("default").Get(ctx, "greeting", metav1.GetOptions{})
				if err != nil {
					return "", err
				}
				return m.Data["text"], nil
			},
			write: func(ctx context.Context) error {
				m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "greeting-"}}
				_, err := c.ConfigMaps("default").Create(ctx, m, metav1.CreateOptions{})
				return err
			},
		}, err
	},
	typed: func(err error) (failure, bool) {
		var e *apierrors.StatusError
		if !errors.As(err, &e) {
			return failure{}, false
		}
		return failure{status: int(e.ErrStatus.Code), code: string(e.ErrStatus.Reason), message: e.ErrStatus.Message}, true
	},
	success: reply(200, `{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"greeting"},"data":{"text":"Hello!"}}`),
	text:    "Hello!",
	down:    kubeStatus(503, "ServiceUnavailable", "the server is down"),
	refused: failed{
		kubeStatus(404, "NotFound", `configmaps "greeting" not found`),
		failure{status: 404, code: "NotFound", message: `configmaps "greeting" not found`},
	},
	hopeless: failed{
		kubeStatus(403, "Forbidden", `exceeded quota: compute, requested: pods=1, used: pods=9, limited: pods=9`),
		failure{status: 403, code: "Forbidden", message: `exceeded quota: compute, requested: pods=1, used: pods=9, limited: pods=9`},
	},
}

func kubeStatus(status int, reason, message string) steadyhttptest.Reply {
	body, _ := json.Marshal(metav1.Status{ // cannot fail: it is all texts and numbers
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   "Failure", Code: int32(status), Reason: metav1.StatusReason(reason), Message: message,
	})
	return reply(status, string(body))
}
