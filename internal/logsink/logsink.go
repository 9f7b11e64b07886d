// Package logsink writes log entries to a zap.Logger or to a slog.Logger, whichever
// the user has. An entry is made once, of zap's fields.
package logsink

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// A Sink is where entries go. The zero value drops them.
type Sink struct {
	Zap  *zap.Logger
	Slog *slog.Logger
}

// Validate returns an error of pkg if there are two loggers.
func (s Sink) Validate(pkg, typ string) error {
	if s.Zap != nil && s.Slog != nil {
		return fmt.Errorf("%s: %s.Zap and %[2]s.Slog are both set; set the one that the program logs with, and let that logger write to several places where they are wanted (zapcore.NewTee or, from Go 1.26 on, slog.NewMultiHandler)", pkg, typ)
	}
	return nil
}

// Enabled reports whether entries of that level are written.
func (s Sink) Enabled(ctx context.Context, level zapcore.Level) bool {
	switch {
	case s.Zap != nil:
		return s.Zap.Core().Enabled(level)
	case s.Slog != nil:
		return s.Slog.Enabled(ctx, slogLevel(level))
	}
	return false
}

// Check begins an entry. It reports false if the entry is not to be written: then
// nothing of it needs to be built. ctx is handed to the slog.Handler, which may look
// for a trace in it.
func (s Sink) Check(ctx context.Context, level zapcore.Level, text string) (Entry, bool) {
	switch {
	case s.Zap != nil:
		checked := s.Zap.Check(level, text)
		return Entry{zap: checked}, checked != nil
	case s.Slog != nil && s.Slog.Enabled(ctx, slogLevel(level)):
		return Entry{handler: s.Slog.Handler(), ctx: ctx, level: slogLevel(level), text: text}, true
	}
	return Entry{}, false
}

// An Entry is one that will be written. Write must be called once.
type Entry struct {
	zap *zapcore.CheckedEntry

	handler slog.Handler
	ctx     context.Context
	level   slog.Level
	text    string
}

// Write writes the entry. Its source is the line that calls Write.
func (e Entry) Write(fields ...zap.Field) {
	if e.zap != nil {
		if e.zap.Caller.Defined { // by Check, which says where that is called
			e.zap.Caller = zapcore.NewEntryCaller(runtime.Caller(1))
		}
		e.zap.Write(fields...)
		return
	}
	var caller [1]uintptr
	runtime.Callers(2, caller[:])
	r := slog.NewRecord(time.Now(), e.level, e.text, caller[0])
	r.AddAttrs(attrs(fields)...)
	_ = e.handler.Handle(e.ctx, r) // as slog.Logger does: a log that fails fails no call
}

// slogLevel returns slog's level of the same name. Both count from info,
// zap in ones and slog in steps as wide as that to warn.
func slogLevel(level zapcore.Level) slog.Level {
	return slog.Level(level) * slog.LevelWarn
}
