// Package integration tests steadyhttp under the SDKs that people use, at their
// real code, with only their http.Client set. It has a module of its own, so
// that no SDK becomes a dependency of steadyhttp.
//
// Each SDK has a file with its constructor, which is its recipe, and a fake of
// its server; the same rows of TestSDKs run against all. docs/recipes.md shows
// the constructors and a table of what the tests measure; after a change, or an
// update of an SDK, see what go test -run TestRecipes -update . makes of it.
package integration
