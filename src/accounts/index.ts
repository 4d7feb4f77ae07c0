/** The public face of accounts: the only file other modules import. */

export { setPassword } from "./credential.ts";
export { guards } from "./guards.ts";
export { foundOrganisation, hasSuperAdmin, prepareFirstRun } from "./instance.ts";
export { inviteUser } from "./invitation.ts";
export { hashPassword } from "./password.ts";
export {
  allows,
  explain,
  type Grant,
  MANAGER_RIGHTS,
  mayRoute,
  type PermissionCode,
  type Relation,
  rightInWords,
} from "./permissions.ts";
export { type GroupPerson, groupHolds, groupIdsOf, listGroups, peopleOf } from "./queries/groups.ts";
export { type StartStep, startListFor } from "./queries/organisations.ts";
export { writeReading } from "./queries/readings.ts";
export {
  findUserLine,
  findUserNames,
  lastChange,
  listUserNames,
  namesAmong,
  silence,
  type UserName,
} from "./queries/users.ts";
export { closedBefore, recloseKeys } from "./reclose.ts";
export { accountHolders, factorHolders, rescueAccount, rescuePassword, tidyReason } from "./rescue.ts";
export { ROLES, type Role, roleLabel } from "./roles.ts";
export { noteSecurity, type Origin } from "./security-event.ts";
export { KEPT_IN_ROW, openPeople, sessionRows } from "./session-rows.ts";
export type { SignedIn } from "./signed-in.ts";
export {
  chooseAccent,
  createTenant,
  editTenant,
  HOLIDAY_ZONES,
  holdTenant,
  INSTANCE_ID,
  Tenant,
  ZONES,
} from "./tenant.ts";
export { TOKENS } from "./tokens.ts";
export {
  type By,
  changeRoles,
  createUser,
  deactivateUser,
  editUser,
  reactivateUser,
  tidyAddress,
  toUser,
  User,
} from "./user.ts";
export { noteExport } from "./web/exported.ts";
export { renewOnNewRights } from "./web/sessions.ts";
export { cutWithSupport } from "./web/support-visits.ts";
