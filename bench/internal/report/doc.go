// Package doc of report.

// Package report is the result of a run and all its forms: JSON after
// bench/schema/result.v1.json, a screen of text, a page of HTML that needs
// nothing else, percentiles for plotting, and the comparison of two servers.
//
// Values are plain data; everything here may be called from any goroutine.
package report
