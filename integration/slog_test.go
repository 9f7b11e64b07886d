package integration

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// A program that logs with slog gives both loggers one core: its own records
// and our entries then go to the same place, in the same form.
func TestSlogRecipe(t *testing.T) {
	var out strings.Builder
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	core := zapcore.NewCore(encoder, zapcore.AddSync(&out), zapcore.InfoLevel)

	logger := slog.New(zapslog.NewHandler(core))
	client := &http.Client{Transport: &steadyhttp.Transport{Logger: &steadyhttp.Logger{Zap: zap.New(core)}}}

	srv := steadyhttptest.NewServer()
	defer srv.Close()
	srv.Script("*", steadyhttptest.Reply{Status: 404})
	logger.Info("asking", "url", srv.URL)
	resp, err := client.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()

	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `"msg":"asking"`) || !strings.Contains(lines[1], `"error.type":"not_found"`) {
		t.Errorf("got\n%s\nwant slog's record and our entry", out.String())
	}
}
