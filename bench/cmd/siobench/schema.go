// siobench schema: the form of results.

package main

import (
	"github.com/spf13/cobra"

	"github.com/sioserver/sioserver/bench/schema"
)

func newSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON schema of results",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(schema.ResultV1)
			return err
		},
	}
}
