package lint

func (c *checker) history() {
	if limit := c.ds.Spec.RevisionHistoryLimit; limit != nil && *limit == 0 {
		c.add(Finding{
			Code: CodeNoRevisionHistory, Severity: SeverityInfo, Field: specPath().Child("revisionHistoryLimit").String(),
			Message: "The controller deletes an old revision as soon as no pod has it. After a rollout kubectl rollout undo has nothing to go back to.",
			Fix:     "Set revisionHistoryLimit to 1 or more.",
		})
	}
}
