package logsink

import (
	"log/slog"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// attrs returns fields as slog has them: errors, times and durations as what they are,
// for a Handler to show in its own way, and a namespace or an object as a group.
func attrs(fields []zap.Field) []slog.Attr {
	all := make([]slog.Attr, 0, len(fields))
	for i, f := range fields {
		switch f.Type {
		case zapcore.SkipType:
		case zapcore.NamespaceType:
			return append(all, slog.Attr{Key: f.Key, Value: slog.GroupValue(attrs(fields[i+1:])...)})
		case zapcore.StringType:
			all = append(all, slog.String(f.Key, f.String))
		case zapcore.BoolType:
			all = append(all, slog.Bool(f.Key, f.Integer == 1))
		case zapcore.Int64Type, zapcore.Int32Type, zapcore.Int16Type, zapcore.Int8Type:
			all = append(all, slog.Int64(f.Key, f.Integer))
		case zapcore.Uint64Type, zapcore.Uint32Type, zapcore.Uint16Type, zapcore.Uint8Type, zapcore.UintptrType:
			all = append(all, slog.Uint64(f.Key, uint64(f.Integer)))
		case zapcore.Float64Type:
			all = append(all, slog.Float64(f.Key, math.Float64frombits(uint64(f.Integer))))
		case zapcore.DurationType:
			all = append(all, slog.Duration(f.Key, time.Duration(f.Integer)))
		case zapcore.ErrorType, zapcore.ReflectType:
			all = append(all, slog.Any(f.Key, f.Interface))
		default:
			if isSlogs(f.Interface) {
				all = append(all, slog.Any(f.Key, f.Interface))
			} else {
				all = append(all, encoded(f)...)
			}
		}
	}
	return all
}

// isSlogs reports whether slog knows better than zap what v looks like. A LogValuer may
// hide what its String shows.
func isSlogs(v any) bool {
	switch v.(type) {
	case slog.Value, slog.LogValuer:
		return true
	}
	return false
}

// encoded lets zap encode what has a method for it, or several forms.
func encoded(f zap.Field) []slog.Attr {
	enc := zapcore.NewMapObjectEncoder()
	f.AddTo(enc)
	return members(enc.Fields)
}

func members(m map[string]any) []slog.Attr {
	all := make([]slog.Attr, 0, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		switch v := m[key].(type) {
		case map[string]any:
			all = append(all, slog.Attr{Key: key, Value: slog.GroupValue(members(v)...)})
		case complex128: // JSON has none; zap writes text
			all = append(all, slog.String(key, strconv.FormatComplex(v, 'f', -1, 128)))
		default:
			all = append(all, slog.Any(key, v))
		}
	}
	return all
}
