// Package integration tests steadyhttp under the SDKs that people use, at their
// real code, with only their http.Client set. It has a module of its own, so
// that no SDK becomes a dependency of steadyhttp.
package integration
