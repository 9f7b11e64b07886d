package logsink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

type named struct{ name string }

func (n *named) String() string { return n.name }

// A secret says to slog how it may be shown, and to nobody else.
type secret struct{}

func (secret) String() string { return "the secret" }

func (secret) LogValue() slog.Value { return slog.StringValue("masked") }

// Whatever zap has a field for reaches slog in the form that its users expect.
func TestAttrs(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	odd := errors.New("odd")
	for _, row := range []struct {
		field zap.Field
		want  slog.Value
	}{
		{zap.String("k", "v"), slog.StringValue("v")},
		{zap.Bool("k", true), slog.BoolValue(true)},
		{zap.Int("k", -3), slog.Int64Value(-3)},
		{zap.Int8("k", -3), slog.Int64Value(-3)},
		{zap.Uint64("k", 1<<63), slog.Uint64Value(1 << 63)},
		{zap.Float64("k", 1.5), slog.Float64Value(1.5)},
		{zap.Duration("k", time.Second), slog.DurationValue(time.Second)},
		{zap.Time("k", at), slog.TimeValue(at)},
		{zap.NamedError("k", odd), slog.AnyValue(odd)},
		{zap.Any("k", slog.IntValue(3)), slog.IntValue(3)},
		{zap.Any("k", slog.GroupValue(slog.Int("a", 1))), slog.GroupValue(slog.Int("a", 1))},
		{zap.Any("k", secret{}), slog.StringValue("masked")},
		{zap.Stringer("k", &named{"v"}), slog.StringValue("v")},
		{zap.Complex128("k", 1+2i), slog.StringValue("(1+2i)")},
		{zap.ByteString("k", []byte("v")), slog.StringValue("v")},
		{zap.Dict("k", zap.Int("b", 2), zap.Dict("a", zap.Bool("c", true))), slog.GroupValue(
			slog.Group("a", slog.Bool("c", true)), slog.Any("b", int64(2)))},
	} {
		got := attrs([]zap.Field{row.field})
		if len(got) != 1 || got[0].Key != "k" || !got[0].Value.Resolve().Equal(row.want) {
			t.Errorf("%v: got %v, want k=%v of kind %s", row.field, got, row.want, row.want.Kind())
		}
	}
}

func TestAttrsOfOddFields(t *testing.T) {
	for _, row := range []struct {
		name   string
		fields []zap.Field
		want   string
	}{
		{"none", nil, `{}`},
		{"an error that is nil is no field", []zap.Field{zap.Error(nil), zap.Int("n", 1)}, `{"n":1}`},
		{"a namespace holds what follows", []zap.Field{zap.Int("n", 1), zap.Namespace("in"), zap.Int("n", 2), zap.Int("m", 3)}, `{"n":1,"in":{"n":2,"m":3}}`},
		{"a Stringer that panics", []zap.Field{zap.Stringer("k", (*named)(nil))}, `{"k":"<nil>"}`},
		{"a list", []zap.Field{zap.Strings("k", []string{"a", "b"})}, `{"k":["a","b"]}`},
		{"durations in a list", []zap.Field{zap.Durations("k", []time.Duration{time.Second})}, `{"k":[1000000000]}`},
		{"bytes", []zap.Field{zap.Binary("k", []byte{1, 2})}, `{"k":"AQI="}`},
		{"a value of one's own", []zap.Field{zap.Any("k", struct{ A int }{1})}, `{"k":{"A":1}}`},
		{"inline", []zap.Field{zap.Inline(zapcore.ObjectMarshalerFunc(func(e zapcore.ObjectEncoder) error {
			e.AddString("b", "2")
			e.AddString("a", "1")
			return nil
		}))}, `{"a":"1","b":"2"}`},
	} {
		var out bytes.Buffer
		sink := Sink{Slog: slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
				return slog.Attr{}
			}
			return a
		}}))}
		entry, ok := sink.Check(context.Background(), zap.InfoLevel, "text")
		if !ok {
			t.Fatalf("%s: the entry is off", row.name)
		}
		entry.Write(row.fields...)
		var got, want any
		if err := errors.Join(json.Unmarshal(out.Bytes(), &got), json.Unmarshal([]byte(row.want), &want)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %s, %v, want %s", row.name, out.String(), err, row.want)
		}
	}
}

func TestLevels(t *testing.T) {
	for level, want := range map[zapcore.Level]slog.Level{
		zap.DebugLevel: slog.LevelDebug, zap.InfoLevel: slog.LevelInfo, zap.WarnLevel: slog.LevelWarn, zap.ErrorLevel: slog.LevelError,
	} {
		if got := slogLevel(level); got != want {
			t.Errorf("%s: got %s, want %s", level, got, want)
		}
		for name, sink := range map[string]Sink{
			"zap":  {Zap: zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zapcore.EncoderConfig{}), zapcore.AddSync(&bytes.Buffer{}), zap.WarnLevel))},
			"slog": {Slog: slog.New(slog.NewTextHandler(&bytes.Buffer{}, &slog.HandlerOptions{Level: slog.LevelWarn}))},
		} {
			_, checked := sink.Check(context.Background(), level, "text")
			if on := level >= zap.WarnLevel; sink.Enabled(context.Background(), level) != on || checked != on {
				t.Errorf("%s at %s: got it %t, want %t", name, level, checked, on)
			}
		}
	}
	if _, ok := (Sink{}).Check(context.Background(), zap.ErrorLevel, "text"); ok || (Sink{}).Enabled(context.Background(), zap.ErrorLevel) {
		t.Error("the zero Sink writes")
	}
}

// The source is where Write is called, with either logger.
func TestSource(t *testing.T) {
	var byZap, bySlog bytes.Buffer
	config := zapcore.EncoderConfig{CallerKey: "source", EncodeCaller: zapcore.FullCallerEncoder}
	line := 0
	for _, sink := range []Sink{
		{Zap: zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(config), zapcore.AddSync(&byZap), zap.InfoLevel), zap.AddCaller())},
		{Slog: slog.New(slog.NewTextHandler(&bySlog, &slog.HandlerOptions{AddSource: true}))},
	} {
		entry, _ := sink.Check(context.Background(), zap.InfoLevel, "text")
		_, _, line, _ = runtime.Caller(0)
		entry.Write()
	}
	want := "logsink_test.go:" + strconv.Itoa(line+1)
	for _, out := range []fmt.Stringer{&byZap, &bySlog} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got %s, want the source %s", out, want)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, row := range []struct {
		sink Sink
		bad  bool
	}{
		{Sink{}, false},
		{Sink{Zap: zap.NewNop()}, false},
		{Sink{Slog: slog.Default()}, false},
		{Sink{Zap: zap.NewNop(), Slog: slog.Default()}, true},
	} {
		if err := row.sink.Validate("a", "B"); (err != nil) != row.bad || row.bad && !strings.HasPrefix(err.Error(), "a: B.Zap and B.Slog are both set; set the one") {
			t.Errorf("%+v: got %v, want an error %t", row.sink, err, row.bad)
		}
	}
}
