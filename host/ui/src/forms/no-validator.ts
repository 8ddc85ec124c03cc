/** Stands in for `@rjsf/validator-ajv8`, which `@rjsf/core` names only in a helper for its own tests: that validator compiles code. */
export default {};
