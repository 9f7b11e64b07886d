// Package browsertest tries debugsteady's page in a browser. It is a module of its
// own, so that debugsteady depends on nothing for it.
package browsertest
