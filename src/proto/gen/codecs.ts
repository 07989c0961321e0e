// Written by scripts/gen-codecs.ts from proto/; never edited.
import { enumValue, numberOf, Reader, setKey, sortedKeys, type Writer } from "../wire.ts";
import type { Messages } from "./index.ts";
import type { Access, AccessInput } from "./Access.ts";
import type { BackupRequest, BackupRequestInput } from "./BackupRequest.ts";
import type { BackupMessage, BackupMessageInput, _shoal_v1_BackupMessage_Begin as BackupMessage_Begin, _shoal_v1_BackupMessage_BeginInput as BackupMessage_BeginInput, _shoal_v1_BackupMessage_End as BackupMessage_End, _shoal_v1_BackupMessage_EndInput as BackupMessage_EndInput } from "./BackupMessage.ts";
import type { Meta, MetaInput } from "./Meta.ts";
import type { Platform, PlatformInput } from "./Platform.ts";
import type { Resources, ResourcesInput } from "./Resources.ts";
import type { GenericResource, GenericResourceInput } from "./GenericResource.ts";
import type { PortSpec, PortSpecInput } from "./PortSpec.ts";
import type { PortStatus, PortStatusInput } from "./PortStatus.ts";
import type { Cause, CauseInput } from "./Cause.ts";
import type { GetRootCertificateRequest, GetRootCertificateRequestInput } from "./GetRootCertificateRequest.ts";
import type { GetRootCertificateResponse, GetRootCertificateResponseInput } from "./GetRootCertificateResponse.ts";
import type { IssueNodeCertificateRequest, IssueNodeCertificateRequestInput } from "./IssueNodeCertificateRequest.ts";
import type { IssueNodeCertificateResponse, IssueNodeCertificateResponseInput } from "./IssueNodeCertificateResponse.ts";
import type { IssueContextCertificateRequest, IssueContextCertificateRequestInput } from "./IssueContextCertificateRequest.ts";
import type { IssueContextCertificateResponse, IssueContextCertificateResponseInput } from "./IssueContextCertificateResponse.ts";
import type { Cluster, ClusterInput } from "./Cluster.ts";
import type { MassSilence, MassSilenceInput } from "./MassSilence.ts";
import type { Recovery, RecoveryInput } from "./Recovery.ts";
import type { Node, NodeInput } from "./Node.ts";
import type { NodeDescription, NodeDescriptionInput } from "./NodeDescription.ts";
import type { NodeStatus, NodeStatusInput } from "./NodeStatus.ts";
import type { Silence, SilenceInput } from "./Silence.ts";
import type { Service, ServiceInput } from "./Service.ts";
import type { Run, RunInput } from "./Run.ts";
import type { Rollout, RolloutInput } from "./Rollout.ts";
import type { RolloutFailure, RolloutFailureInput } from "./RolloutFailure.ts";
import type { Revision, RevisionInput } from "./Revision.ts";
import type { Task, TaskInput } from "./Task.ts";
import type { TaskMove, TaskMoveInput } from "./TaskMove.ts";
import type { TaskStatus, TaskStatusInput } from "./TaskStatus.ts";
import type { RequestRecord, RequestRecordInput } from "./RequestRecord.ts";
import type { ServiceSpec, ServiceSpecInput } from "./ServiceSpec.ts";
import type { NodeLoss, NodeLossInput } from "./NodeLoss.ts";
import type { Replicated, ReplicatedInput } from "./Replicated.ts";
import type { Global, GlobalInput } from "./Global.ts";
import type { ReplicatedJob, ReplicatedJobInput } from "./ReplicatedJob.ts";
import type { GlobalJob, GlobalJobInput } from "./GlobalJob.ts";
import type { JobPolicy, JobPolicyInput } from "./JobPolicy.ts";
import type { Cron, CronInput } from "./Cron.ts";
import type { UpdateConfig, UpdateConfigInput } from "./UpdateConfig.ts";
import type { TaskSpec, TaskSpecInput } from "./TaskSpec.ts";
import type { TaskChecks, TaskChecksInput } from "./TaskChecks.ts";
import type { Check, CheckInput } from "./Check.ts";
import type { CommandProbe, CommandProbeInput } from "./CommandProbe.ts";
import type { HttpProbe, HttpProbeInput } from "./HttpProbe.ts";
import type { TcpProbe, TcpProbeInput } from "./TcpProbe.ts";
import type { ContainerSpec, ContainerSpecInput } from "./ContainerSpec.ts";
import type { Device, DeviceInput } from "./Device.ts";
import type { GpuRequest, GpuRequestInput } from "./GpuRequest.ts";
import type { ProcessSpec, ProcessSpecInput } from "./ProcessSpec.ts";
import type { Mount, MountInput } from "./Mount.ts";
import type { HealthCheck, HealthCheckInput } from "./HealthCheck.ts";
import type { ResourceRequirements, ResourceRequirementsInput } from "./ResourceRequirements.ts";
import type { RestartPolicy, RestartPolicyInput } from "./RestartPolicy.ts";
import type { Placement, PlacementInput } from "./Placement.ts";
import type { PlacementPreference, PlacementPreferenceInput } from "./PlacementPreference.ts";
import type { Affinity, AffinityInput } from "./Affinity.ts";
import type { LogConfig, LogConfigInput } from "./LogConfig.ts";
import type { NodeSpec, NodeSpecInput } from "./NodeSpec.ts";
import type { ClusterSpec, ClusterSpecInput } from "./ClusterSpec.ts";
import type { CreateServiceRequest, CreateServiceRequestInput } from "./CreateServiceRequest.ts";
import type { CreateServiceResponse, CreateServiceResponseInput } from "./CreateServiceResponse.ts";
import type { GetRequest, GetRequestInput } from "./GetRequest.ts";
import type { GetServiceResponse, GetServiceResponseInput } from "./GetServiceResponse.ts";
import type { GetTaskResponse, GetTaskResponseInput } from "./GetTaskResponse.ts";
import type { GetNodeResponse, GetNodeResponseInput } from "./GetNodeResponse.ts";
import type { ListRequest, ListRequestInput } from "./ListRequest.ts";
import type { ListServicesResponse, ListServicesResponseInput } from "./ListServicesResponse.ts";
import type { ServiceSummary, ServiceSummaryInput } from "./ServiceSummary.ts";
import type { ListTasksResponse, ListTasksResponseInput } from "./ListTasksResponse.ts";
import type { ListNodesResponse, ListNodesResponseInput } from "./ListNodesResponse.ts";
import type { NodeSummary, NodeSummaryInput } from "./NodeSummary.ts";
import type { ManagerStatus, ManagerStatusInput } from "./ManagerStatus.ts";
import type { RunServiceRequest, RunServiceRequestInput } from "./RunServiceRequest.ts";
import type { RunServiceResponse, RunServiceResponseInput } from "./RunServiceResponse.ts";
import type { ListRunsResponse, ListRunsResponseInput } from "./ListRunsResponse.ts";
import type { UpdateServiceRequest, UpdateServiceRequestInput } from "./UpdateServiceRequest.ts";
import type { UpdateServiceResponse, UpdateServiceResponseInput } from "./UpdateServiceResponse.ts";
import type { RollbackServiceRequest, RollbackServiceRequestInput } from "./RollbackServiceRequest.ts";
import type { SteerRolloutRequest, SteerRolloutRequestInput } from "./SteerRolloutRequest.ts";
import type { RebalanceServiceRequest, RebalanceServiceRequestInput } from "./RebalanceServiceRequest.ts";
import type { PlanRebalanceResponse, PlanRebalanceResponseInput } from "./PlanRebalanceResponse.ts";
import type { PlannedMove, PlannedMoveInput } from "./PlannedMove.ts";
import type { ListRevisionsResponse, ListRevisionsResponseInput } from "./ListRevisionsResponse.ts";
import type { RevisionSummary, RevisionSummaryInput } from "./RevisionSummary.ts";
import type { UpdateNodeRequest, UpdateNodeRequestInput } from "./UpdateNodeRequest.ts";
import type { UpdateNodeResponse, UpdateNodeResponseInput } from "./UpdateNodeResponse.ts";
import type { SetNodeRoleRequest, SetNodeRoleRequestInput } from "./SetNodeRoleRequest.ts";
import type { RemoveRequest, RemoveRequestInput } from "./RemoveRequest.ts";
import type { RemoveTaskRequest, RemoveTaskRequestInput } from "./RemoveTaskRequest.ts";
import type { RemoveTaskResponse, RemoveTaskResponseInput } from "./RemoveTaskResponse.ts";
import type { RemoveNodeRequest, RemoveNodeRequestInput } from "./RemoveNodeRequest.ts";
import type { RemoveResponse, RemoveResponseInput } from "./RemoveResponse.ts";
import type { GetClusterRequest, GetClusterRequestInput } from "./GetClusterRequest.ts";
import type { GetClusterResponse, GetClusterResponseInput } from "./GetClusterResponse.ts";
import type { UpdateClusterRequest, UpdateClusterRequestInput } from "./UpdateClusterRequest.ts";
import type { UpdateClusterResponse, UpdateClusterResponseInput } from "./UpdateClusterResponse.ts";
import type { FinalizeUpgradeRequest, FinalizeUpgradeRequestInput } from "./FinalizeUpgradeRequest.ts";
import type { FinalizeUpgradeResponse, FinalizeUpgradeResponseInput } from "./FinalizeUpgradeResponse.ts";
import type { PlanResumeRequest, PlanResumeRequestInput } from "./PlanResumeRequest.ts";
import type { PlanResumeResponse, PlanResumeResponseInput } from "./PlanResumeResponse.ts";
import type { ResumeItem, ResumeItemInput } from "./ResumeItem.ts";
import type { ResumeNode, ResumeNodeInput } from "./ResumeNode.ts";
import type { ResumeClusterRequest, ResumeClusterRequestInput } from "./ResumeClusterRequest.ts";
import type { ResumeClusterResponse, ResumeClusterResponseInput } from "./ResumeClusterResponse.ts";
import type { GetJoinTokensRequest, GetJoinTokensRequestInput } from "./GetJoinTokensRequest.ts";
import type { GetJoinTokensResponse, GetJoinTokensResponseInput } from "./GetJoinTokensResponse.ts";
import type { ExplainRequest, ExplainRequestInput } from "./ExplainRequest.ts";
import type { ExplainResponse, ExplainResponseInput } from "./ExplainResponse.ts";
import type { ExplainReason, ExplainReasonInput } from "./ExplainReason.ts";
import type { InitRequest, InitRequestInput } from "./InitRequest.ts";
import type { InitResponse, InitResponseInput } from "./InitResponse.ts";
import type { JoinRequest, JoinRequestInput } from "./JoinRequest.ts";
import type { JoinResponse, JoinResponseInput } from "./JoinResponse.ts";
import type { LeaveRequest, LeaveRequestInput } from "./LeaveRequest.ts";
import type { LeaveResponse, LeaveResponseInput } from "./LeaveResponse.ts";
import type { StatusRequest, StatusRequestInput } from "./StatusRequest.ts";
import type { StatusResponse, StatusResponseInput } from "./StatusResponse.ts";
import type { Event, EventInput } from "./Event.ts";
import type { EventPosition, EventPositionInput } from "./EventPosition.ts";
import type { EventGap, EventGapInput } from "./EventGap.ts";
import type { ReadEventsRequest, ReadEventsRequestInput } from "./ReadEventsRequest.ts";
import type { ReadEventsResponse, ReadEventsResponseInput } from "./ReadEventsResponse.ts";
import type { EventsState, EventsStateInput } from "./EventsState.ts";
import type { LogsOptions, LogsOptionsInput } from "./LogsOptions.ts";
import type { LogsRequest, LogsRequestInput } from "./LogsRequest.ts";
import type { LogsMessage, LogsMessageInput, _shoal_v1_LogsMessage_Line as LogsMessage_Line, _shoal_v1_LogsMessage_LineInput as LogsMessage_LineInput, _shoal_v1_LogsMessage_End as LogsMessage_End, _shoal_v1_LogsMessage_EndInput as LogsMessage_EndInput, _shoal_v1_LogsMessage_Begin as LogsMessage_Begin, _shoal_v1_LogsMessage_BeginInput as LogsMessage_BeginInput } from "./LogsMessage.ts";
import type { NodeTasksRequest, NodeTasksRequestInput } from "./NodeTasksRequest.ts";
import type { NodeTasksResponse, NodeTasksResponseInput } from "./NodeTasksResponse.ts";
import type { HeldTask, HeldTaskInput } from "./HeldTask.ts";
import type { NodeLogsRequest, NodeLogsRequestInput } from "./NodeLogsRequest.ts";
import type { RaftFrame, RaftFrameInput } from "./RaftFrame.ts";
import type { FetchSnapshotRequest, FetchSnapshotRequestInput } from "./FetchSnapshotRequest.ts";
import type { SnapshotChunk, SnapshotChunkInput } from "./SnapshotChunk.ts";
import type { RaftJoinRequest, RaftJoinRequestInput } from "./RaftJoinRequest.ts";
import type { RaftJoinResponse, RaftJoinResponseInput } from "./RaftJoinResponse.ts";
import type { RaftDiskRequest, RaftDiskRequestInput } from "./RaftDiskRequest.ts";
import type { RaftDiskResponse, RaftDiskResponseInput } from "./RaftDiskResponse.ts";
import type { RaftLeaveRequest, RaftLeaveRequestInput } from "./RaftLeaveRequest.ts";
import type { RaftLeaveResponse, RaftLeaveResponseInput } from "./RaftLeaveResponse.ts";
import type { SessionUp, SessionUpInput, _shoal_v1_SessionUp_Hello as SessionUp_Hello, _shoal_v1_SessionUp_HelloInput as SessionUp_HelloInput, _shoal_v1_SessionUp_Heartbeat as SessionUp_Heartbeat, _shoal_v1_SessionUp_HeartbeatInput as SessionUp_HeartbeatInput, _shoal_v1_SessionUp_Statuses as SessionUp_Statuses, _shoal_v1_SessionUp_StatusesInput as SessionUp_StatusesInput, _shoal_v1_SessionUp_Goodbye as SessionUp_Goodbye, _shoal_v1_SessionUp_GoodbyeInput as SessionUp_GoodbyeInput } from "./SessionUp.ts";
import type { TaskReport, TaskReportInput } from "./TaskReport.ts";
import type { SessionDown, SessionDownInput, _shoal_v1_SessionDown_Welcome as SessionDown_Welcome, _shoal_v1_SessionDown_WelcomeInput as SessionDown_WelcomeInput, _shoal_v1_SessionDown_Managers as SessionDown_Managers, _shoal_v1_SessionDown_ManagersInput as SessionDown_ManagersInput, _shoal_v1_SessionDown_AssignmentChunk as SessionDown_AssignmentChunk, _shoal_v1_SessionDown_AssignmentChunkInput as SessionDown_AssignmentChunkInput, _shoal_v1_SessionDown_StatusAck as SessionDown_StatusAck, _shoal_v1_SessionDown_StatusAckInput as SessionDown_StatusAckInput, _shoal_v1_SessionDown_TaskAck as SessionDown_TaskAck, _shoal_v1_SessionDown_TaskAckInput as SessionDown_TaskAckInput, _shoal_v1_SessionDown_Heartbeat as SessionDown_Heartbeat, _shoal_v1_SessionDown_HeartbeatInput as SessionDown_HeartbeatInput, _shoal_v1_SessionDown_Role as SessionDown_Role, _shoal_v1_SessionDown_RoleInput as SessionDown_RoleInput } from "./SessionDown.ts";
import type { AssignmentSet, AssignmentSetInput } from "./AssignmentSet.ts";
import type { Assignment, AssignmentInput } from "./Assignment.ts";
import type { RelayRequest, RelayRequestInput } from "./RelayRequest.ts";
import type { NodeSeen, NodeSeenInput } from "./NodeSeen.ts";
import type { NodeReport, NodeReportInput } from "./NodeReport.ts";
import type { RelayResponse, RelayResponseInput } from "./RelayResponse.ts";
import type { StoreObject, StoreObjectInput } from "./StoreObject.ts";
import type { StoreAction, StoreActionInput } from "./StoreAction.ts";
import type { StoreKey, StoreKeyInput } from "./StoreKey.ts";
import type { StoreTransaction, StoreTransactionInput } from "./StoreTransaction.ts";
import type { StoreSnapshotChunk, StoreSnapshotChunkInput } from "./StoreSnapshotChunk.ts";
import type { WatchRequest, WatchRequestInput } from "./WatchRequest.ts";
import type { WatchMessage, WatchMessageInput, _shoal_v1_WatchMessage_Change as WatchMessage_Change, _shoal_v1_WatchMessage_ChangeInput as WatchMessage_ChangeInput } from "./WatchMessage.ts";

const EMPTY = Buffer.alloc(0);
const NOTHING = new Reader(EMPTY);

const ACCESS_CALLER = { ANYONE: 0, WORKER: 1, MANAGER: 2, ADMIN: 3, LOCAL: 4 } as const;
const ACCESS_CALLER_NAMES = new Map<number, keyof typeof ACCESS_CALLER>([[0, "ANYONE"], [1, "WORKER"], [2, "MANAGER"], [3, "ADMIN"], [4, "LOCAL"]]);
const PORTSPEC_PROTOCOL = { TCP: 0, UDP: 1 } as const;
const PORTSPEC_PROTOCOL_NAMES = new Map<number, keyof typeof PORTSPEC_PROTOCOL>([[0, "TCP"], [1, "UDP"]]);
const CONSISTENCY = { LINEARIZABLE: 0, STALE: 1 } as const;
const CONSISTENCY_NAMES = new Map<number, keyof typeof CONSISTENCY>([[0, "LINEARIZABLE"], [1, "STALE"]]);
const RECOVERY_KIND = { RECOVERED: 0, RESTORED: 1 } as const;
const RECOVERY_KIND_NAMES = new Map<number, keyof typeof RECOVERY_KIND>([[0, "RECOVERED"], [1, "RESTORED"]]);
const NODE_ROLE = { WORKER: 0, MANAGER: 1 } as const;
const NODE_ROLE_NAMES = new Map<number, keyof typeof NODE_ROLE>([[0, "WORKER"], [1, "MANAGER"]]);
const NODESTATUS_STATE = { UNKNOWN: 0, READY: 1, UNREACHABLE: 2, DOWN: 3, LEFT: 4 } as const;
const NODESTATUS_STATE_NAMES = new Map<number, keyof typeof NODESTATUS_STATE>([[0, "UNKNOWN"], [1, "READY"], [2, "UNREACHABLE"], [3, "DOWN"], [4, "LEFT"]]);
const RUN_STATE = { RUNNING: 0, SUCCEEDED: 1, FAILED: 2, TIMED_OUT: 3, STOPPED: 4, SKIPPED: 5, MISSED: 6 } as const;
const RUN_STATE_NAMES = new Map<number, keyof typeof RUN_STATE>([[0, "RUNNING"], [1, "SUCCEEDED"], [2, "FAILED"], [3, "TIMED_OUT"], [4, "STOPPED"], [5, "SKIPPED"], [6, "MISSED"]]);
const ROLLOUT_STATE = { NONE: 0, UPDATING: 1, CANARY: 2, PAUSED: 3, COMPLETED: 4, ROLLING_BACK: 5, ROLLBACK_PAUSED: 6, ROLLED_BACK: 7 } as const;
const ROLLOUT_STATE_NAMES = new Map<number, keyof typeof ROLLOUT_STATE>([[0, "NONE"], [1, "UPDATING"], [2, "CANARY"], [3, "PAUSED"], [4, "COMPLETED"], [5, "ROLLING_BACK"], [6, "ROLLBACK_PAUSED"], [7, "ROLLED_BACK"]]);
const REVISION_OUTCOME = { NONE: 0, COMPLETED: 1, FAILED: 2, ROLLED_BACK: 3, SUPERSEDED: 4 } as const;
const REVISION_OUTCOME_NAMES = new Map<number, keyof typeof REVISION_OUTCOME>([[0, "NONE"], [1, "COMPLETED"], [2, "FAILED"], [3, "ROLLED_BACK"], [4, "SUPERSEDED"]]);
const TASK_STATE = { NEW: 0, PENDING: 64, ASSIGNED: 192, ACCEPTED: 256, PREPARING: 320, READY: 384, STARTING: 448, RUNNING: 512, COMPLETE: 576, SHUTDOWN: 640, FAILED: 704, REJECTED: 768, REMOVE: 800, ORPHANED: 832 } as const;
const TASK_STATE_NAMES = new Map<number, keyof typeof TASK_STATE>([[0, "NEW"], [64, "PENDING"], [192, "ASSIGNED"], [256, "ACCEPTED"], [320, "PREPARING"], [384, "READY"], [448, "STARTING"], [512, "RUNNING"], [576, "COMPLETE"], [640, "SHUTDOWN"], [704, "FAILED"], [768, "REJECTED"], [800, "REMOVE"], [832, "ORPHANED"]]);
const NODELOSS_ONRETURN = { KEEP_ORIGINAL: 0, KEEP_REPLACEMENT: 1 } as const;
const NODELOSS_ONRETURN_NAMES = new Map<number, keyof typeof NODELOSS_ONRETURN>([[0, "KEEP_ORIGINAL"], [1, "KEEP_REPLACEMENT"]]);
const CRON_OVERLAP = { SKIP: 0, REPLACE: 1, ALLOW: 2 } as const;
const CRON_OVERLAP_NAMES = new Map<number, keyof typeof CRON_OVERLAP>([[0, "SKIP"], [1, "REPLACE"], [2, "ALLOW"]]);
const UPDATECONFIG_ORDER = { START_FIRST: 0, STOP_FIRST: 1 } as const;
const UPDATECONFIG_ORDER_NAMES = new Map<number, keyof typeof UPDATECONFIG_ORDER>([[0, "START_FIRST"], [1, "STOP_FIRST"]]);
const UPDATECONFIG_FAILUREACTION = { DEFAULT: 0, ROLLBACK: 1, PAUSE: 2, CONTINUE: 3 } as const;
const UPDATECONFIG_FAILUREACTION_NAMES = new Map<number, keyof typeof UPDATECONFIG_FAILUREACTION>([[0, "DEFAULT"], [1, "ROLLBACK"], [2, "PAUSE"], [3, "CONTINUE"]]);
const CONTAINERSPEC_PULLPOLICY = { MISSING: 0, ALWAYS: 1, NEVER: 2 } as const;
const CONTAINERSPEC_PULLPOLICY_NAMES = new Map<number, keyof typeof CONTAINERSPEC_PULLPOLICY>([[0, "MISSING"], [1, "ALWAYS"], [2, "NEVER"]]);
const MOUNT_TYPE = { BIND: 0, VOLUME: 1, TMPFS: 2 } as const;
const MOUNT_TYPE_NAMES = new Map<number, keyof typeof MOUNT_TYPE>([[0, "BIND"], [1, "VOLUME"], [2, "TMPFS"]]);
const RESTARTPOLICY_CONDITION = { ANY: 0, ON_FAILURE: 1, NONE: 2 } as const;
const RESTARTPOLICY_CONDITION_NAMES = new Map<number, keyof typeof RESTARTPOLICY_CONDITION>([[0, "ANY"], [1, "ON_FAILURE"], [2, "NONE"]]);
const PLACEMENT_STRATEGY = { DEFAULT: 0, SPREAD: 1, BINPACK: 2 } as const;
const PLACEMENT_STRATEGY_NAMES = new Map<number, keyof typeof PLACEMENT_STRATEGY>([[0, "DEFAULT"], [1, "SPREAD"], [2, "BINPACK"]]);
const NODESPEC_AVAILABILITY = { ACTIVE: 0, PAUSE: 1, DRAIN: 2 } as const;
const NODESPEC_AVAILABILITY_NAMES = new Map<number, keyof typeof NODESPEC_AVAILABILITY>([[0, "ACTIVE"], [1, "PAUSE"], [2, "DRAIN"]]);
const MANAGERSTATUS_REACHABILITY = { NONE: 0, UNREACHABLE: 1, REACHABLE: 2, LEADER: 3, LEARNER: 4 } as const;
const MANAGERSTATUS_REACHABILITY_NAMES = new Map<number, keyof typeof MANAGERSTATUS_REACHABILITY>([[0, "NONE"], [1, "UNREACHABLE"], [2, "REACHABLE"], [3, "LEADER"], [4, "LEARNER"]]);
const STEERROLLOUTREQUEST_ACTION = { NONE: 0, PAUSE: 1, RESUME: 2, PROMOTE: 3 } as const;
const STEERROLLOUTREQUEST_ACTION_NAMES = new Map<number, keyof typeof STEERROLLOUTREQUEST_ACTION>([[0, "NONE"], [1, "PAUSE"], [2, "RESUME"], [3, "PROMOTE"]]);
const RESUMEITEM_ACTION = { STOP: 0, START: 1, REPLACE: 2 } as const;
const RESUMEITEM_ACTION_NAMES = new Map<number, keyof typeof RESUMEITEM_ACTION>([[0, "STOP"], [1, "START"], [2, "REPLACE"]]);
const EVENT_LEVEL = { INFO: 0, WARNING: 1, ERROR: 2 } as const;
const EVENT_LEVEL_NAMES = new Map<number, keyof typeof EVENT_LEVEL>([[0, "INFO"], [1, "WARNING"], [2, "ERROR"]]);
const LOGSMESSAGE_STREAM = { STDOUT: 0, STDERR: 1 } as const;
const LOGSMESSAGE_STREAM_NAMES = new Map<number, keyof typeof LOGSMESSAGE_STREAM>([[0, "STDOUT"], [1, "STDERR"]]);
const NODESEEN_LINK = { OPEN: 0, CLOSED: 1, GOODBYE: 2 } as const;
const NODESEEN_LINK_NAMES = new Map<number, keyof typeof NODESEEN_LINK>([[0, "OPEN"], [1, "CLOSED"], [2, "GOODBYE"]]);
const WATCHMESSAGE_CHANGE_ACTION = { CREATED: 0, UPDATED: 1, REMOVED: 2 } as const;
const WATCHMESSAGE_CHANGE_ACTION_NAMES = new Map<number, keyof typeof WATCHMESSAGE_CHANGE_ACTION>([[0, "CREATED"], [1, "UPDATED"], [2, "REMOVED"]]);

function encodeAccess(w: Writer, m: AccessInput): void {
  if (m.allow != null) for (const x of m.allow) w.uint(8, numberOf(ACCESS_CALLER, x));
  if (m.mutation) w.bool(16, m.mutation);
  if (m.leader) w.bool(24, m.leader);
}

function decodeAccess(r: Reader): Access {
  const m: Access = { allow: [], mutation: false, leader: false };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.allow.push(enumValue(ACCESS_CALLER_NAMES, r.small())); break;
      case 10: { const outer = r.open(); while (r.at < r.end) m.allow.push(enumValue(ACCESS_CALLER_NAMES, r.small())); r.close(outer); break; }
      case 16:
        m.mutation = r.bool(); break;
      case 24:
        m.leader = r.bool(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeBackupRequest(w: Writer, m: BackupRequestInput): void {
  if (m.consistency != null && m.consistency !== "LINEARIZABLE" && m.consistency !== 0) w.uint(8, numberOf(CONSISTENCY, m.consistency));
}

function decodeBackupRequest(r: Reader): BackupRequest {
  const m: BackupRequest = { consistency: "LINEARIZABLE" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.consistency = enumValue(CONSISTENCY_NAMES, r.small()); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeBackupMessage(w: Writer, m: BackupMessageInput): void {
  if (m.begin != null) { const start = w.open(10); encodeBackupMessage_Begin(w, m.begin); w.close(start); }
  if (m.data != null) w.bytes(18, m.data);
  if (m.end != null) { const start = w.open(26); encodeBackupMessage_End(w, m.end); w.close(start); }
}

function decodeBackupMessage(r: Reader): BackupMessage {
  const m: BackupMessage = {  };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.begin = decodeBackupMessage_Begin(r); m.message = "begin"; r.close(outer); break; }
      case 18:
        m.data = r.bytes(); m.message = "data"; break;
      case 26:
{ const outer = r.open(); m.end = decodeBackupMessage_End(r); m.message = "end"; r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeBackupMessage_Begin(w: Writer, m: BackupMessage_BeginInput): void {
  if (m.clusterId) w.text(10, m.clusterId);
  if (m.clusterName) w.text(18, m.clusterName);
  if (m.version) w.uint(24, Number(m.version));
  if (m.services) w.uint(32, Number(m.services));
  if (m.tasks) w.uint(40, Number(m.tasks));
  if (m.nodes) w.uint(48, Number(m.nodes));
}

function decodeBackupMessage_Begin(r: Reader): BackupMessage_Begin {
  const m: BackupMessage_Begin = { clusterId: "", clusterName: "", version: 0, services: 0, tasks: 0, nodes: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.clusterId = r.text(); break;
      case 18:
        m.clusterName = r.text(); break;
      case 24:
        m.version = r.uint(); break;
      case 32:
        m.services = r.small(); break;
      case 40:
        m.tasks = r.small(); break;
      case 48:
        m.nodes = r.small(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeBackupMessage_End(w: Writer, m: BackupMessage_EndInput): void {
  if (m.bytes) w.uint(8, Number(m.bytes));
  if (m.sha256) w.text(18, m.sha256);
}

function decodeBackupMessage_End(r: Reader): BackupMessage_End {
  const m: BackupMessage_End = { bytes: 0, sha256: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.bytes = r.uint(); break;
      case 18:
        m.sha256 = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeMeta(w: Writer, m: MetaInput): void {
  if (m.version) w.uint(8, Number(m.version));
  if (m.createdAtMs) w.uint(16, Number(m.createdAtMs));
  if (m.updatedAtMs) w.uint(24, Number(m.updatedAtMs));
}

function decodeMeta(r: Reader): Meta {
  const m: Meta = { version: 0, createdAtMs: 0, updatedAtMs: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.version = r.uint(); break;
      case 16:
        m.createdAtMs = r.uint(); break;
      case 24:
        m.updatedAtMs = r.uint(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodePlatform(w: Writer, m: PlatformInput): void {
  if (m.os) w.text(10, m.os);
  if (m.architecture) w.text(18, m.architecture);
}

function decodePlatform(r: Reader): Platform {
  const m: Platform = { os: "", architecture: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.os = r.text(); break;
      case 18:
        m.architecture = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeResources(w: Writer, m: ResourcesInput): void {
  if (m.nanoCpus) w.int(8, Number(m.nanoCpus));
  if (m.memoryBytes) w.int(16, Number(m.memoryBytes));
  if (m.generic != null) for (const x of m.generic) { const start = w.open(26); encodeGenericResource(w, x); w.close(start); }
}

function decodeResources(r: Reader): Resources {
  const m: Resources = { nanoCpus: 0, memoryBytes: 0, generic: [] };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.nanoCpus = r.int(); break;
      case 16:
        m.memoryBytes = r.int(); break;
      case 26:
{ const outer = r.open(); m.generic.push(decodeGenericResource(r)); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeGenericResource(w: Writer, m: GenericResourceInput): void {
  if (m.kind) w.text(10, m.kind);
  if (m.count) w.int(16, Number(m.count));
  if (m.names != null) for (const x of m.names) w.text(26, x);
}

function decodeGenericResource(r: Reader): GenericResource {
  const m: GenericResource = { kind: "", count: 0, names: [] };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.kind = r.text(); break;
      case 16:
        m.count = r.int(); break;
      case 26:
        m.names.push(r.text()); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodePortSpec(w: Writer, m: PortSpecInput): void {
  if (m.target) w.int(8, Number(m.target));
  if (m.published) w.int(16, Number(m.published));
  if (m.protocol != null && m.protocol !== "TCP" && m.protocol !== 0) w.uint(24, numberOf(PORTSPEC_PROTOCOL, m.protocol));
  if (m.hostIp) w.text(34, m.hostIp);
}

function decodePortSpec(r: Reader): PortSpec {
  const m: PortSpec = { target: 0, published: 0, protocol: "TCP", hostIp: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.target = r.int(); break;
      case 16:
        m.published = r.int(); break;
      case 24:
        m.protocol = enumValue(PORTSPEC_PROTOCOL_NAMES, r.small()); break;
      case 34:
        m.hostIp = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodePortStatus(w: Writer, m: PortStatusInput): void {
  if (m.target) w.uint(8, Number(m.target));
  if (m.published) w.uint(16, Number(m.published));
  if (m.protocol != null && m.protocol !== "TCP" && m.protocol !== 0) w.uint(24, numberOf(PORTSPEC_PROTOCOL, m.protocol));
  if (m.hostIp) w.text(34, m.hostIp);
}

function decodePortStatus(r: Reader): PortStatus {
  const m: PortStatus = { target: 0, published: 0, protocol: "TCP", hostIp: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.target = r.small(); break;
      case 16:
        m.published = r.small(); break;
      case 24:
        m.protocol = enumValue(PORTSPEC_PROTOCOL_NAMES, r.small()); break;
      case 34:
        m.hostIp = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeCause(w: Writer, m: CauseInput): void {
  if (m.actor) w.text(10, m.actor);
  if (m.reason) w.text(18, m.reason);
}

function decodeCause(r: Reader): Cause {
  const m: Cause = { actor: "", reason: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.actor = r.text(); break;
      case 18:
        m.reason = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeGetRootCertificateRequest(w: Writer, m: GetRootCertificateRequestInput): void {
}

function decodeGetRootCertificateRequest(r: Reader): GetRootCertificateRequest {
  const m: GetRootCertificateRequest = {  };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeGetRootCertificateResponse(w: Writer, m: GetRootCertificateResponseInput): void {
  if (m.rootCertificatePem) w.text(10, m.rootCertificatePem);
  if (m.clusterId) w.text(18, m.clusterId);
}

function decodeGetRootCertificateResponse(r: Reader): GetRootCertificateResponse {
  const m: GetRootCertificateResponse = { rootCertificatePem: "", clusterId: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.rootCertificatePem = r.text(); break;
      case 18:
        m.clusterId = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeIssueNodeCertificateRequest(w: Writer, m: IssueNodeCertificateRequestInput): void {
  if (m.csrPem) w.text(10, m.csrPem);
  if (m.token) w.text(18, m.token);
  if (m.nodeId) w.text(26, m.nodeId);
  if (m.address) w.text(34, m.address);
  if (m.name) w.text(42, m.name);
  if (m.labels != null) {
    for (const key of sortedKeys(m.labels)) {
      const x = m.labels[key]!;
      const start = w.open(50);
      w.text(10, key);
      w.text(18, x);
      w.close(start);
    }
  }
}

function decodeIssueNodeCertificateRequest(r: Reader): IssueNodeCertificateRequest {
  const m: IssueNodeCertificateRequest = { csrPem: "", token: "", nodeId: "", address: "", name: "", labels: {} };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.csrPem = r.text(); break;
      case 18:
        m.token = r.text(); break;
      case 26:
        m.nodeId = r.text(); break;
      case 34:
        m.address = r.text(); break;
      case 42:
        m.name = r.text(); break;
      case 50:
      {
        const outer = r.open();
        let key = "";
        let value = "";
        while (r.at < r.end) {
          const inTag = r.small();
          if (inTag === 10) key = r.text();
          else if (inTag === 18) value = r.text();
          else r.skip(inTag);
        }
        r.close(outer);
        setKey(m.labels, key, value);
        break;
      }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeIssueNodeCertificateResponse(w: Writer, m: IssueNodeCertificateResponseInput): void {
  if (m.certificatePem) w.text(10, m.certificatePem);
  if (m.rootCertificatePem) w.text(18, m.rootCertificatePem);
  if (m.clusterId) w.text(26, m.clusterId);
  if (m.nodeId) w.text(34, m.nodeId);
  if (m.role != null && m.role !== "WORKER" && m.role !== 0) w.uint(40, numberOf(NODE_ROLE, m.role));
  if (m.managers != null) for (const x of m.managers) w.text(50, x);
}

function decodeIssueNodeCertificateResponse(r: Reader): IssueNodeCertificateResponse {
  const m: IssueNodeCertificateResponse = { certificatePem: "", rootCertificatePem: "", clusterId: "", nodeId: "", role: "WORKER", managers: [] };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.certificatePem = r.text(); break;
      case 18:
        m.rootCertificatePem = r.text(); break;
      case 26:
        m.clusterId = r.text(); break;
      case 34:
        m.nodeId = r.text(); break;
      case 40:
        m.role = enumValue(NODE_ROLE_NAMES, r.small()); break;
      case 50:
        m.managers.push(r.text()); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeIssueContextCertificateRequest(w: Writer, m: IssueContextCertificateRequestInput): void {
  if (m.csrPem) w.text(10, m.csrPem);
  if (m.name) w.text(18, m.name);
}

function decodeIssueContextCertificateRequest(r: Reader): IssueContextCertificateRequest {
  const m: IssueContextCertificateRequest = { csrPem: "", name: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.csrPem = r.text(); break;
      case 18:
        m.name = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeIssueContextCertificateResponse(w: Writer, m: IssueContextCertificateResponseInput): void {
  if (m.certificatePem) w.text(10, m.certificatePem);
  if (m.rootCertificatePem) w.text(18, m.rootCertificatePem);
  if (m.clusterId) w.text(26, m.clusterId);
  if (m.managers != null) for (const x of m.managers) w.text(34, x);
}

function decodeIssueContextCertificateResponse(r: Reader): IssueContextCertificateResponse {
  const m: IssueContextCertificateResponse = { certificatePem: "", rootCertificatePem: "", clusterId: "", managers: [] };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.certificatePem = r.text(); break;
      case 18:
        m.rootCertificatePem = r.text(); break;
      case 26:
        m.clusterId = r.text(); break;
      case 34:
        m.managers.push(r.text()); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeCluster(w: Writer, m: ClusterInput): void {
  if (m.id) w.text(10, m.id);
  if (m.meta != null) { const start = w.open(18); encodeMeta(w, m.meta); w.close(start); }
  if (m.spec != null) { const start = w.open(26); encodeClusterSpec(w, m.spec); w.close(start); }
  if (m.incarnation) w.text(34, m.incarnation);
  if (m.rootCertificatePem) w.text(42, m.rootCertificatePem);
  if (m.rootKeyPem) w.text(50, m.rootKeyPem);
  if (m.workerTokenSecret) w.text(58, m.workerTokenSecret);
  if (m.managerTokenSecret) w.text(66, m.managerTokenSecret);
  if (m.removedNodeIds != null) for (const x of m.removedNodeIds) w.text(74, x);
  if (m.protocol) w.uint(80, Number(m.protocol));
  if (m.awaitsResume != null) { const start = w.open(90); encodeRecovery(w, m.awaitsResume); w.close(start); }
  if (m.massSilence != null) { const start = w.open(98); encodeMassSilence(w, m.massSilence); w.close(start); }
  if (m.quorumGraceUntilMs) w.uint(104, Number(m.quorumGraceUntilMs));
}

function decodeCluster(r: Reader): Cluster {
  const m: Cluster = { id: "", meta: null, spec: null, incarnation: "", rootCertificatePem: "", rootKeyPem: "", workerTokenSecret: "", managerTokenSecret: "", removedNodeIds: [], protocol: 0, awaitsResume: null, massSilence: null, quorumGraceUntilMs: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.id = r.text(); break;
      case 18:
{ const outer = r.open(); m.meta = decodeMeta(r); r.close(outer); break; }
      case 26:
{ const outer = r.open(); m.spec = decodeClusterSpec(r); r.close(outer); break; }
      case 34:
        m.incarnation = r.text(); break;
      case 42:
        m.rootCertificatePem = r.text(); break;
      case 50:
        m.rootKeyPem = r.text(); break;
      case 58:
        m.workerTokenSecret = r.text(); break;
      case 66:
        m.managerTokenSecret = r.text(); break;
      case 74:
        m.removedNodeIds.push(r.text()); break;
      case 80:
        m.protocol = r.small(); break;
      case 90:
{ const outer = r.open(); m.awaitsResume = decodeRecovery(r); r.close(outer); break; }
      case 98:
{ const outer = r.open(); m.massSilence = decodeMassSilence(r); r.close(outer); break; }
      case 104:
        m.quorumGraceUntilMs = r.uint(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeMassSilence(w: Writer, m: MassSilenceInput): void {
  if (m.sinceMs) w.uint(8, Number(m.sinceMs));
  if (m.untilMs) w.uint(16, Number(m.untilMs));
  if (m.silent) w.uint(24, Number(m.silent));
  if (m.nodes) w.uint(32, Number(m.nodes));
}

function decodeMassSilence(r: Reader): MassSilence {
  const m: MassSilence = { sinceMs: 0, untilMs: 0, silent: 0, nodes: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.sinceMs = r.uint(); break;
      case 16:
        m.untilMs = r.uint(); break;
      case 24:
        m.silent = r.small(); break;
      case 32:
        m.nodes = r.small(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRecovery(w: Writer, m: RecoveryInput): void {
  if (m.kind != null && m.kind !== "RECOVERED" && m.kind !== 0) w.uint(8, numberOf(RECOVERY_KIND, m.kind));
  if (m.atMs) w.uint(16, Number(m.atMs));
  if (m.version) w.uint(24, Number(m.version));
  if (m.formerManagerIds != null) for (const x of m.formerManagerIds) w.text(34, x);
}

function decodeRecovery(r: Reader): Recovery {
  const m: Recovery = { kind: "RECOVERED", atMs: 0, version: 0, formerManagerIds: [] };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.kind = enumValue(RECOVERY_KIND_NAMES, r.small()); break;
      case 16:
        m.atMs = r.uint(); break;
      case 24:
        m.version = r.uint(); break;
      case 34:
        m.formerManagerIds.push(r.text()); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeNode(w: Writer, m: NodeInput): void {
  if (m.id) w.text(10, m.id);
  if (m.meta != null) { const start = w.open(18); encodeMeta(w, m.meta); w.close(start); }
  if (m.spec != null) { const start = w.open(26); encodeNodeSpec(w, m.spec); w.close(start); }
  if (m.role != null && m.role !== "WORKER" && m.role !== 0) w.uint(32, numberOf(NODE_ROLE, m.role));
  if (m.address) w.text(42, m.address);
  if (m.description != null) { const start = w.open(50); encodeNodeDescription(w, m.description); w.close(start); }
  if (m.status != null) { const start = w.open(58); encodeNodeStatus(w, m.status); w.close(start); }
  if (m.keyFingerprint) w.text(66, m.keyFingerprint);
}

function decodeNode(r: Reader): Node {
  const m: Node = { id: "", meta: null, spec: null, role: "WORKER", address: "", description: null, status: null, keyFingerprint: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.id = r.text(); break;
      case 18:
{ const outer = r.open(); m.meta = decodeMeta(r); r.close(outer); break; }
      case 26:
{ const outer = r.open(); m.spec = decodeNodeSpec(r); r.close(outer); break; }
      case 32:
        m.role = enumValue(NODE_ROLE_NAMES, r.small()); break;
      case 42:
        m.address = r.text(); break;
      case 50:
{ const outer = r.open(); m.description = decodeNodeDescription(r); r.close(outer); break; }
      case 58:
{ const outer = r.open(); m.status = decodeNodeStatus(r); r.close(outer); break; }
      case 66:
        m.keyFingerprint = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeNodeDescription(w: Writer, m: NodeDescriptionInput): void {
  if (m.hostname) w.text(10, m.hostname);
  if (m.platform != null) { const start = w.open(18); encodePlatform(w, m.platform); w.close(start); }
  if (m.resources != null) { const start = w.open(26); encodeResources(w, m.resources); w.close(start); }
  if (m.runtimes != null) for (const x of m.runtimes) w.text(34, x);
  if (m.engineId) w.text(42, m.engineId);
  if (m.engineLabels != null) {
    for (const key of sortedKeys(m.engineLabels)) {
      const x = m.engineLabels[key]!;
      const start = w.open(50);
      w.text(10, key);
      w.text(18, x);
      w.close(start);
    }
  }
  if (m.engineVersion) w.text(58, m.engineVersion);
  if (m.shoalVersion) w.text(66, m.shoalVersion);
  if (m.protocolMin) w.uint(72, Number(m.protocolMin));
  if (m.protocolMax) w.uint(80, Number(m.protocolMax));
  if (m.deviceDrivers != null) for (const x of m.deviceDrivers) w.text(90, x);
  if (m.logDrivers != null) for (const x of m.logDrivers) w.text(98, x);
  if (m.ip) w.text(106, m.ip);
  if (m.fullPaths != null) for (const x of m.fullPaths) w.text(122, x);
  if (m.fillingPaths != null) for (const x of m.fillingPaths) w.text(130, x);
}

function decodeNodeDescription(r: Reader): NodeDescription {
  const m: NodeDescription = { hostname: "", platform: null, resources: null, runtimes: [], engineId: "", engineLabels: {}, engineVersion: "", shoalVersion: "", protocolMin: 0, protocolMax: 0, deviceDrivers: [], logDrivers: [], ip: "", fullPaths: [], fillingPaths: [] };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.hostname = r.text(); break;
      case 18:
{ const outer = r.open(); m.platform = decodePlatform(r); r.close(outer); break; }
      case 26:
{ const outer = r.open(); m.resources = decodeResources(r); r.close(outer); break; }
      case 34:
        m.runtimes.push(r.text()); break;
      case 42:
        m.engineId = r.text(); break;
      case 50:
      {
        const outer = r.open();
        let key = "";
        let value = "";
        while (r.at < r.end) {
          const inTag = r.small();
          if (inTag === 10) key = r.text();
          else if (inTag === 18) value = r.text();
          else r.skip(inTag);
        }
        r.close(outer);
        setKey(m.engineLabels, key, value);
        break;
      }
      case 58:
        m.engineVersion = r.text(); break;
      case 66:
        m.shoalVersion = r.text(); break;
      case 72:
        m.protocolMin = r.small(); break;
      case 80:
        m.protocolMax = r.small(); break;
      case 90:
        m.deviceDrivers.push(r.text()); break;
      case 98:
        m.logDrivers.push(r.text()); break;
      case 106:
        m.ip = r.text(); break;
      case 122:
        m.fullPaths.push(r.text()); break;
      case 130:
        m.fillingPaths.push(r.text()); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeNodeStatus(w: Writer, m: NodeStatusInput): void {
  if (m.state != null && m.state !== "UNKNOWN" && m.state !== 0) w.uint(8, numberOf(NODESTATUS_STATE, m.state));
  if (m.message) w.text(18, m.message);
  if (m.sinceMs) w.uint(24, Number(m.sinceMs));
  if (m.engineOk) w.bool(32, m.engineOk);
  if (m.engineMessage) w.text(42, m.engineMessage);
  if (m.sessionManagerId) w.text(50, m.sessionManagerId);
  if (m.agentEpoch) w.uint(56, Number(m.agentEpoch));
  if (m.silence != null) { const start = w.open(66); encodeSilence(w, m.silence); w.close(start); }
  if (m.engineSinceMs) w.uint(72, Number(m.engineSinceMs));
  if (m.drainSinceMs) w.uint(80, Number(m.drainSinceMs));
  if (m.sessionId) w.text(90, m.sessionId);
  if (m.drainOverdueMs) w.uint(96, Number(m.drainOverdueMs));
}

function decodeNodeStatus(r: Reader): NodeStatus {
  const m: NodeStatus = { state: "UNKNOWN", message: "", sinceMs: 0, engineOk: false, engineMessage: "", sessionManagerId: "", agentEpoch: 0, silence: null, engineSinceMs: 0, drainSinceMs: 0, sessionId: "", drainOverdueMs: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.state = enumValue(NODESTATUS_STATE_NAMES, r.small()); break;
      case 18:
        m.message = r.text(); break;
      case 24:
        m.sinceMs = r.uint(); break;
      case 32:
        m.engineOk = r.bool(); break;
      case 42:
        m.engineMessage = r.text(); break;
      case 50:
        m.sessionManagerId = r.text(); break;
      case 56:
        m.agentEpoch = r.uint(); break;
      case 66:
{ const outer = r.open(); m.silence = decodeSilence(r); r.close(outer); break; }
      case 72:
        m.engineSinceMs = r.uint(); break;
      case 80:
        m.drainSinceMs = r.uint(); break;
      case 90:
        m.sessionId = r.text(); break;
      case 96:
        m.drainOverdueMs = r.uint(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeSilence(w: Writer, m: SilenceInput): void {
  if (m.ms) w.uint(8, Number(m.ms));
  if (m.closed) w.bool(16, m.closed);
}

function decodeSilence(r: Reader): Silence {
  const m: Silence = { ms: 0, closed: false };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.ms = r.uint(); break;
      case 16:
        m.closed = r.bool(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeService(w: Writer, m: ServiceInput): void {
  if (m.id) w.text(10, m.id);
  if (m.meta != null) { const start = w.open(18); encodeMeta(w, m.meta); w.close(start); }
  if (m.spec != null) { const start = w.open(26); encodeServiceSpec(w, m.spec); w.close(start); }
  if (m.revision) w.uint(32, Number(m.revision));
  if (m.cause != null) { const start = w.open(42); encodeCause(w, m.cause); w.close(start); }
  if (m.rollout != null) { const start = w.open(50); encodeRollout(w, m.rollout); w.close(start); }
  if (m.specVersion) w.uint(56, Number(m.specVersion));
  if (m.scheduledFromMs) w.uint(72, Number(m.scheduledFromMs));
  if (m.rebalanceUntilMs) w.uint(96, Number(m.rebalanceUntilMs));
}

function decodeService(r: Reader): Service {
  const m: Service = { id: "", meta: null, spec: null, revision: 0, cause: null, rollout: null, specVersion: 0, scheduledFromMs: 0, rebalanceUntilMs: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.id = r.text(); break;
      case 18:
{ const outer = r.open(); m.meta = decodeMeta(r); r.close(outer); break; }
      case 26:
{ const outer = r.open(); m.spec = decodeServiceSpec(r); r.close(outer); break; }
      case 32:
        m.revision = r.uint(); break;
      case 42:
{ const outer = r.open(); m.cause = decodeCause(r); r.close(outer); break; }
      case 50:
{ const outer = r.open(); m.rollout = decodeRollout(r); r.close(outer); break; }
      case 56:
        m.specVersion = r.uint(); break;
      case 72:
        m.scheduledFromMs = r.uint(); break;
      case 96:
        m.rebalanceUntilMs = r.uint(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRun(w: Writer, m: RunInput): void {
  if (m.id) w.text(10, m.id);
  if (m.meta != null) { const start = w.open(18); encodeMeta(w, m.meta); w.close(start); }
  if (m.serviceId) w.text(26, m.serviceId);
  if (m.serviceName) w.text(34, m.serviceName);
  if (m.number) w.uint(40, Number(m.number));
  if (m.revision) w.uint(48, Number(m.revision));
  if (m.state != null && m.state !== "RUNNING" && m.state !== 0) w.uint(56, numberOf(RUN_STATE, m.state));
  if (m.message) w.text(66, m.message);
  if (m.cause != null) { const start = w.open(74); encodeCause(w, m.cause); w.close(start); }
  if (m.scheduledAtMs) w.uint(80, Number(m.scheduledAtMs));
  if (m.startedAtMs) w.uint(88, Number(m.startedAtMs));
  if (m.finishedAtMs) w.uint(96, Number(m.finishedAtMs));
  if (m.deadlineAtMs) w.uint(104, Number(m.deadlineAtMs));
  if (m.wanted) w.uint(112, Number(m.wanted));
  if (m.completed) w.uint(120, Number(m.completed));
  if (m.failures) w.uint(128, Number(m.failures));
  if (m.exitCode != null) w.int(136, Number(m.exitCode));
  if (m.times) w.uint(144, Number(m.times));
  if (m.skippedTotal) w.uint(152, Number(m.skippedTotal));
  if (m.missedTotal) w.uint(160, Number(m.missedTotal));
}

function decodeRun(r: Reader): Run {
  const m: Run = { id: "", meta: null, serviceId: "", serviceName: "", number: 0, revision: 0, state: "RUNNING", message: "", cause: null, scheduledAtMs: 0, startedAtMs: 0, finishedAtMs: 0, deadlineAtMs: 0, wanted: 0, completed: 0, failures: 0, times: 0, skippedTotal: 0, missedTotal: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.id = r.text(); break;
      case 18:
{ const outer = r.open(); m.meta = decodeMeta(r); r.close(outer); break; }
      case 26:
        m.serviceId = r.text(); break;
      case 34:
        m.serviceName = r.text(); break;
      case 40:
        m.number = r.uint(); break;
      case 48:
        m.revision = r.uint(); break;
      case 56:
        m.state = enumValue(RUN_STATE_NAMES, r.small()); break;
      case 66:
        m.message = r.text(); break;
      case 74:
{ const outer = r.open(); m.cause = decodeCause(r); r.close(outer); break; }
      case 80:
        m.scheduledAtMs = r.uint(); break;
      case 88:
        m.startedAtMs = r.uint(); break;
      case 96:
        m.finishedAtMs = r.uint(); break;
      case 104:
        m.deadlineAtMs = r.uint(); break;
      case 112:
        m.wanted = r.uint(); break;
      case 120:
        m.completed = r.uint(); break;
      case 128:
        m.failures = r.uint(); break;
      case 136:
        m.exitCode = r.int32(); m._exitCode = "exitCode"; break;
      case 144:
        m.times = r.uint(); break;
      case 152:
        m.skippedTotal = r.uint(); break;
      case 160:
        m.missedTotal = r.uint(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRollout(w: Writer, m: RolloutInput): void {
  if (m.state != null && m.state !== "NONE" && m.state !== 0) w.uint(8, numberOf(ROLLOUT_STATE, m.state));
  if (m.from) w.uint(16, Number(m.from));
  if (m.to) w.uint(24, Number(m.to));
  if (m.cause != null) { const start = w.open(34); encodeCause(w, m.cause); w.close(start); }
  if (m.startedAtMs) w.uint(40, Number(m.startedAtMs));
  if (m.finishedAtMs) w.uint(48, Number(m.finishedAtMs));
  if (m.message) w.text(58, m.message);
  if (m.total) w.uint(64, Number(m.total));
  if (m.updated) w.uint(72, Number(m.updated));
  if (m.failures != null) for (const x of m.failures) { const start = w.open(82); encodeRolloutFailure(w, x); w.close(start); }
  if (m.countsFromMs) w.uint(88, Number(m.countsFromMs));
  if (m.canary) w.int(96, Number(m.canary));
  if (m.canaryReadyAtMs) w.uint(104, Number(m.canaryReadyAtMs));
  if (m.deadlineMs) w.uint(112, Number(m.deadlineMs));
}

function decodeRollout(r: Reader): Rollout {
  const m: Rollout = { state: "NONE", from: 0, to: 0, cause: null, startedAtMs: 0, finishedAtMs: 0, message: "", total: 0, updated: 0, failures: [], countsFromMs: 0, canary: 0, canaryReadyAtMs: 0, deadlineMs: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.state = enumValue(ROLLOUT_STATE_NAMES, r.small()); break;
      case 16:
        m.from = r.uint(); break;
      case 24:
        m.to = r.uint(); break;
      case 34:
{ const outer = r.open(); m.cause = decodeCause(r); r.close(outer); break; }
      case 40:
        m.startedAtMs = r.uint(); break;
      case 48:
        m.finishedAtMs = r.uint(); break;
      case 58:
        m.message = r.text(); break;
      case 64:
        m.total = r.uint(); break;
      case 72:
        m.updated = r.uint(); break;
      case 82:
{ const outer = r.open(); m.failures.push(decodeRolloutFailure(r)); r.close(outer); break; }
      case 88:
        m.countsFromMs = r.uint(); break;
      case 96:
        m.canary = r.int(); break;
      case 104:
        m.canaryReadyAtMs = r.uint(); break;
      case 112:
        m.deadlineMs = r.uint(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRolloutFailure(w: Writer, m: RolloutFailureInput): void {
  if (m.taskId) w.text(10, m.taskId);
  if (m.slot) w.uint(16, Number(m.slot));
  if (m.pinnedNodeId) w.text(26, m.pinnedNodeId);
  if (m.atMs) w.uint(32, Number(m.atMs));
  if (m.message) w.text(42, m.message);
}

function decodeRolloutFailure(r: Reader): RolloutFailure {
  const m: RolloutFailure = { taskId: "", slot: 0, pinnedNodeId: "", atMs: 0, message: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.taskId = r.text(); break;
      case 16:
        m.slot = r.uint(); break;
      case 26:
        m.pinnedNodeId = r.text(); break;
      case 32:
        m.atMs = r.uint(); break;
      case 42:
        m.message = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRevision(w: Writer, m: RevisionInput): void {
  if (m.id) w.text(10, m.id);
  if (m.meta != null) { const start = w.open(18); encodeMeta(w, m.meta); w.close(start); }
  if (m.serviceId) w.text(26, m.serviceId);
  if (m.number) w.uint(32, Number(m.number));
  if (m.spec != null) { const start = w.open(42); encodeTaskSpec(w, m.spec); w.close(start); }
  if (m.cause != null) { const start = w.open(50); encodeCause(w, m.cause); w.close(start); }
  if (m.outcome != null && m.outcome !== "NONE" && m.outcome !== 0) w.uint(56, numberOf(REVISION_OUTCOME, m.outcome));
  if (m.outcomeMessage) w.text(66, m.outcomeMessage);
}

function decodeRevision(r: Reader): Revision {
  const m: Revision = { id: "", meta: null, serviceId: "", number: 0, spec: null, cause: null, outcome: "NONE", outcomeMessage: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.id = r.text(); break;
      case 18:
{ const outer = r.open(); m.meta = decodeMeta(r); r.close(outer); break; }
      case 26:
        m.serviceId = r.text(); break;
      case 32:
        m.number = r.uint(); break;
      case 42:
{ const outer = r.open(); m.spec = decodeTaskSpec(r); r.close(outer); break; }
      case 50:
{ const outer = r.open(); m.cause = decodeCause(r); r.close(outer); break; }
      case 56:
        m.outcome = enumValue(REVISION_OUTCOME_NAMES, r.small()); break;
      case 66:
        m.outcomeMessage = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeTask(w: Writer, m: TaskInput): void {
  if (m.id) w.text(10, m.id);
  if (m.meta != null) { const start = w.open(18); encodeMeta(w, m.meta); w.close(start); }
  if (m.serviceId) w.text(26, m.serviceId);
  if (m.serviceName) w.text(34, m.serviceName);
  if (m.revision) w.uint(40, Number(m.revision));
  if (m.slot) w.uint(48, Number(m.slot));
  if (m.nodeId) w.text(58, m.nodeId);
  if (m.desired != null && m.desired !== "NEW" && m.desired !== 0) w.uint(64, numberOf(TASK_STATE, m.desired));
  if (m.status != null) { const start = w.open(74); encodeTaskStatus(w, m.status); w.close(start); }
  if (m.replaces) w.text(82, m.replaces);
  if (m.startAfterMs) w.uint(88, Number(m.startAfterMs));
  if (m.cause != null) { const start = w.open(98); encodeCause(w, m.cause); w.close(start); }
  if (m.pendingReason) w.text(106, m.pendingReason);
  if (m.ports != null) for (const x of m.ports) { const start = w.open(114); encodePortSpec(w, x); w.close(start); }
  if (m.pinnedNodeId) w.text(122, m.pinnedNodeId);
  if (m.run) w.uint(128, Number(m.run));
  if (m.timedOut) w.bool(136, m.timedOut);
  if (m.readyAtMs) w.uint(144, Number(m.readyAtMs));
  if (m.single) w.bool(160, m.single);
  if (m.earlyEnds) w.uint(152, Number(m.earlyEnds));
  if (m.generic != null) for (const x of m.generic) { const start = w.open(186); encodeGenericResource(w, x); w.close(start); }
  if (m.unfit) w.text(194, m.unfit);
  if (m.move != null) { const start = w.open(202); encodeTaskMove(w, m.move); w.close(start); }
}

function decodeTask(r: Reader): Task {
  const m: Task = { id: "", meta: null, serviceId: "", serviceName: "", revision: 0, slot: 0, nodeId: "", desired: "NEW", status: null, replaces: "", startAfterMs: 0, cause: null, pendingReason: "", ports: [], pinnedNodeId: "", run: 0, timedOut: false, readyAtMs: 0, single: false, earlyEnds: 0, generic: [], unfit: "", move: null };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.id = r.text(); break;
      case 18:
{ const outer = r.open(); m.meta = decodeMeta(r); r.close(outer); break; }
      case 26:
        m.serviceId = r.text(); break;
      case 34:
        m.serviceName = r.text(); break;
      case 40:
        m.revision = r.uint(); break;
      case 48:
        m.slot = r.uint(); break;
      case 58:
        m.nodeId = r.text(); break;
      case 64:
        m.desired = enumValue(TASK_STATE_NAMES, r.small()); break;
      case 74:
{ const outer = r.open(); m.status = decodeTaskStatus(r); r.close(outer); break; }
      case 82:
        m.replaces = r.text(); break;
      case 88:
        m.startAfterMs = r.uint(); break;
      case 98:
{ const outer = r.open(); m.cause = decodeCause(r); r.close(outer); break; }
      case 106:
        m.pendingReason = r.text(); break;
      case 114:
{ const outer = r.open(); m.ports.push(decodePortSpec(r)); r.close(outer); break; }
      case 122:
        m.pinnedNodeId = r.text(); break;
      case 128:
        m.run = r.uint(); break;
      case 136:
        m.timedOut = r.bool(); break;
      case 144:
        m.readyAtMs = r.uint(); break;
      case 160:
        m.single = r.bool(); break;
      case 152:
        m.earlyEnds = r.uint(); break;
      case 186:
{ const outer = r.open(); m.generic.push(decodeGenericResource(r)); r.close(outer); break; }
      case 194:
        m.unfit = r.text(); break;
      case 202:
{ const outer = r.open(); m.move = decodeTaskMove(r); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeTaskMove(w: Writer, m: TaskMoveInput): void {
  if (m.toNodeId) w.text(10, m.toNodeId);
  if (m.sinceMs) w.uint(16, Number(m.sinceMs));
}

function decodeTaskMove(r: Reader): TaskMove {
  const m: TaskMove = { toNodeId: "", sinceMs: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.toNodeId = r.text(); break;
      case 16:
        m.sinceMs = r.uint(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeTaskStatus(w: Writer, m: TaskStatusInput): void {
  if (m.state != null && m.state !== "NEW" && m.state !== 0) w.uint(8, numberOf(TASK_STATE, m.state));
  if (m.message) w.text(18, m.message);
  if (m.error) w.text(26, m.error);
  if (m.atMs) w.uint(32, Number(m.atMs));
  if (m.agentEpoch) w.uint(40, Number(m.agentEpoch));
  if (m.sequence) w.uint(48, Number(m.sequence));
  if (m.exitCode != null) w.int(56, Number(m.exitCode));
  if (m.runtimeId) w.text(66, m.runtimeId);
  if (m.ports != null) for (const x of m.ports) { const start = w.open(74); encodePortStatus(w, x); w.close(start); }
  if (m.startedAtMs) w.uint(80, Number(m.startedAtMs));
  if (m.finishedAtMs) w.uint(88, Number(m.finishedAtMs));
  if (m.healthy) w.bool(96, m.healthy);
  if (m.ready) w.bool(104, m.ready);
  if (m.checkMessage) w.text(114, m.checkMessage);
  if (m.single) w.bool(128, m.single);
}

function decodeTaskStatus(r: Reader): TaskStatus {
  const m: TaskStatus = { state: "NEW", message: "", error: "", atMs: 0, agentEpoch: 0, sequence: 0, runtimeId: "", ports: [], startedAtMs: 0, finishedAtMs: 0, healthy: false, ready: false, checkMessage: "", single: false };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.state = enumValue(TASK_STATE_NAMES, r.small()); break;
      case 18:
        m.message = r.text(); break;
      case 26:
        m.error = r.text(); break;
      case 32:
        m.atMs = r.uint(); break;
      case 40:
        m.agentEpoch = r.uint(); break;
      case 48:
        m.sequence = r.uint(); break;
      case 56:
        m.exitCode = r.int32(); m._exitCode = "exitCode"; break;
      case 66:
        m.runtimeId = r.text(); break;
      case 74:
{ const outer = r.open(); m.ports.push(decodePortStatus(r)); r.close(outer); break; }
      case 80:
        m.startedAtMs = r.uint(); break;
      case 88:
        m.finishedAtMs = r.uint(); break;
      case 96:
        m.healthy = r.bool(); break;
      case 104:
        m.ready = r.bool(); break;
      case 114:
        m.checkMessage = r.text(); break;
      case 128:
        m.single = r.bool(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRequestRecord(w: Writer, m: RequestRecordInput): void {
  if (m.id) w.text(10, m.id);
  if (m.meta != null) { const start = w.open(18); encodeMeta(w, m.meta); w.close(start); }
  if (m.hash) w.text(26, m.hash);
  if (m.result != null && m.result.length > 0) w.bytes(34, m.result);
  if (m.expiresAtMs) w.uint(40, Number(m.expiresAtMs));
}

function decodeRequestRecord(r: Reader): RequestRecord {
  const m: RequestRecord = { id: "", meta: null, hash: "", result: EMPTY, expiresAtMs: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.id = r.text(); break;
      case 18:
{ const outer = r.open(); m.meta = decodeMeta(r); r.close(outer); break; }
      case 26:
        m.hash = r.text(); break;
      case 34:
        m.result = r.bytes(); break;
      case 40:
        m.expiresAtMs = r.uint(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeServiceSpec(w: Writer, m: ServiceSpecInput): void {
  if (m.name) w.text(10, m.name);
  if (m.labels != null) {
    for (const key of sortedKeys(m.labels)) {
      const x = m.labels[key]!;
      const start = w.open(18);
      w.text(10, key);
      w.text(18, x);
      w.close(start);
    }
  }
  if (m.replicated != null) { const start = w.open(26); encodeReplicated(w, m.replicated); w.close(start); }
  if (m.global != null) { const start = w.open(50); encodeGlobal(w, m.global); w.close(start); }
  if (m.replicatedJob != null) { const start = w.open(58); encodeReplicatedJob(w, m.replicatedJob); w.close(start); }
  if (m.globalJob != null) { const start = w.open(66); encodeGlobalJob(w, m.globalJob); w.close(start); }
  if (m.cron != null) { const start = w.open(74); encodeCron(w, m.cron); w.close(start); }
  if (m.task != null) { const start = w.open(34); encodeTaskSpec(w, m.task); w.close(start); }
  if (m.update != null) { const start = w.open(42); encodeUpdateConfig(w, m.update); w.close(start); }
  if (m.rollback != null) { const start = w.open(82); encodeUpdateConfig(w, m.rollback); w.close(start); }
  if (m.nodeLoss != null) { const start = w.open(90); encodeNodeLoss(w, m.nodeLoss); w.close(start); }
  if (m.single) w.bool(96, m.single);
  if (m.rebalance) w.bool(104, m.rebalance);
}

function decodeServiceSpec(r: Reader): ServiceSpec {
  const m: ServiceSpec = { name: "", labels: {}, task: null, update: null, rollback: null, nodeLoss: null, single: false, rebalance: false };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.name = r.text(); break;
      case 18:
      {
        const outer = r.open();
        let key = "";
        let value = "";
        while (r.at < r.end) {
          const inTag = r.small();
          if (inTag === 10) key = r.text();
          else if (inTag === 18) value = r.text();
          else r.skip(inTag);
        }
        r.close(outer);
        setKey(m.labels, key, value);
        break;
      }
      case 26:
{ const outer = r.open(); m.replicated = decodeReplicated(r); m.mode = "replicated"; r.close(outer); break; }
      case 50:
{ const outer = r.open(); m.global = decodeGlobal(r); m.mode = "global"; r.close(outer); break; }
      case 58:
{ const outer = r.open(); m.replicatedJob = decodeReplicatedJob(r); m.mode = "replicatedJob"; r.close(outer); break; }
      case 66:
{ const outer = r.open(); m.globalJob = decodeGlobalJob(r); m.mode = "globalJob"; r.close(outer); break; }
      case 74:
{ const outer = r.open(); m.cron = decodeCron(r); m.mode = "cron"; r.close(outer); break; }
      case 34:
{ const outer = r.open(); m.task = decodeTaskSpec(r); r.close(outer); break; }
      case 42:
{ const outer = r.open(); m.update = decodeUpdateConfig(r); r.close(outer); break; }
      case 82:
{ const outer = r.open(); m.rollback = decodeUpdateConfig(r); r.close(outer); break; }
      case 90:
{ const outer = r.open(); m.nodeLoss = decodeNodeLoss(r); r.close(outer); break; }
      case 96:
        m.single = r.bool(); break;
      case 104:
        m.rebalance = r.bool(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeNodeLoss(w: Writer, m: NodeLossInput): void {
  if (m.replaceAfterMs) w.int(8, Number(m.replaceAfterMs));
  if (m.onReturn != null && m.onReturn !== "KEEP_ORIGINAL" && m.onReturn !== 0) w.uint(16, numberOf(NODELOSS_ONRETURN, m.onReturn));
}

function decodeNodeLoss(r: Reader): NodeLoss {
  const m: NodeLoss = { replaceAfterMs: 0, onReturn: "KEEP_ORIGINAL" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.replaceAfterMs = r.int(); break;
      case 16:
        m.onReturn = enumValue(NODELOSS_ONRETURN_NAMES, r.small()); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeReplicated(w: Writer, m: ReplicatedInput): void {
  if (m.replicas) w.int(8, Number(m.replicas));
}

function decodeReplicated(r: Reader): Replicated {
  const m: Replicated = { replicas: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.replicas = r.int(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeGlobal(w: Writer, m: GlobalInput): void {
}

function decodeGlobal(r: Reader): Global {
  const m: Global = {  };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeReplicatedJob(w: Writer, m: ReplicatedJobInput): void {
  if (m.totalCompletions) w.int(8, Number(m.totalCompletions));
  if (m.maxConcurrent) w.int(16, Number(m.maxConcurrent));
  if (m.policy != null) { const start = w.open(26); encodeJobPolicy(w, m.policy); w.close(start); }
}

function decodeReplicatedJob(r: Reader): ReplicatedJob {
  const m: ReplicatedJob = { totalCompletions: 0, maxConcurrent: 0, policy: null };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.totalCompletions = r.int(); break;
      case 16:
        m.maxConcurrent = r.int(); break;
      case 26:
{ const outer = r.open(); m.policy = decodeJobPolicy(r); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeGlobalJob(w: Writer, m: GlobalJobInput): void {
  if (m.policy != null) { const start = w.open(10); encodeJobPolicy(w, m.policy); w.close(start); }
}

function decodeGlobalJob(r: Reader): GlobalJob {
  const m: GlobalJob = { policy: null };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.policy = decodeJobPolicy(r); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeJobPolicy(w: Writer, m: JobPolicyInput): void {
  if (m.deadlineMs) w.int(8, Number(m.deadlineMs));
  if (m.taskTimeoutMs) w.int(16, Number(m.taskTimeoutMs));
  if (m.runsSucceededKept != null) w.int(24, Number(m.runsSucceededKept));
  if (m.runsFailedKept != null) w.int(32, Number(m.runsFailedKept));
}

function decodeJobPolicy(r: Reader): JobPolicy {
  const m: JobPolicy = { deadlineMs: 0, taskTimeoutMs: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.deadlineMs = r.int(); break;
      case 16:
        m.taskTimeoutMs = r.int(); break;
      case 24:
        m.runsSucceededKept = r.int(); m._runsSucceededKept = "runsSucceededKept"; break;
      case 32:
        m.runsFailedKept = r.int(); m._runsFailedKept = "runsFailedKept"; break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeCron(w: Writer, m: CronInput): void {
  if (m.schedule) w.text(10, m.schedule);
  if (m.timeZone) w.text(18, m.timeZone);
  if (m.overlap != null && m.overlap !== "SKIP" && m.overlap !== 0) w.uint(24, numberOf(CRON_OVERLAP, m.overlap));
  if (m.startingDeadlineMs) w.int(32, Number(m.startingDeadlineMs));
  if (m.suspended) w.bool(40, m.suspended);
  if (m.replicated != null) { const start = w.open(50); encodeReplicatedJob(w, m.replicated); w.close(start); }
  if (m.global != null) { const start = w.open(58); encodeGlobalJob(w, m.global); w.close(start); }
}

function decodeCron(r: Reader): Cron {
  const m: Cron = { schedule: "", timeZone: "", overlap: "SKIP", startingDeadlineMs: 0, suspended: false };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.schedule = r.text(); break;
      case 18:
        m.timeZone = r.text(); break;
      case 24:
        m.overlap = enumValue(CRON_OVERLAP_NAMES, r.small()); break;
      case 32:
        m.startingDeadlineMs = r.int(); break;
      case 40:
        m.suspended = r.bool(); break;
      case 50:
{ const outer = r.open(); m.replicated = decodeReplicatedJob(r); m.job = "replicated"; r.close(outer); break; }
      case 58:
{ const outer = r.open(); m.global = decodeGlobalJob(r); m.job = "global"; r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeUpdateConfig(w: Writer, m: UpdateConfigInput): void {
  if (m.parallelism != null) w.int(8, Number(m.parallelism));
  if (m.order != null && m.order !== "START_FIRST" && m.order !== 0) w.uint(16, numberOf(UPDATECONFIG_ORDER, m.order));
  if (m.delayMs) w.int(24, Number(m.delayMs));
  if (m.monitorMs != null) w.int(32, Number(m.monitorMs));
  if (m.maxFailureRatio != null && !Object.is(Number(m.maxFailureRatio), 0)) w.double(41, Number(m.maxFailureRatio));
  if (m.failureAction != null && m.failureAction !== "DEFAULT" && m.failureAction !== 0) w.uint(48, numberOf(UPDATECONFIG_FAILUREACTION, m.failureAction));
  if (m.progressDeadlineMs) w.int(56, Number(m.progressDeadlineMs));
  if (m.canary) w.int(64, Number(m.canary));
  if (m.canaryHealthyMs) w.int(72, Number(m.canaryHealthyMs));
}

function decodeUpdateConfig(r: Reader): UpdateConfig {
  const m: UpdateConfig = { order: "START_FIRST", delayMs: 0, maxFailureRatio: 0, failureAction: "DEFAULT", progressDeadlineMs: 0, canary: 0, canaryHealthyMs: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.parallelism = r.int(); m._parallelism = "parallelism"; break;
      case 16:
        m.order = enumValue(UPDATECONFIG_ORDER_NAMES, r.small()); break;
      case 24:
        m.delayMs = r.int(); break;
      case 32:
        m.monitorMs = r.int(); m._monitorMs = "monitorMs"; break;
      case 41:
        m.maxFailureRatio = r.double(); break;
      case 48:
        m.failureAction = enumValue(UPDATECONFIG_FAILUREACTION_NAMES, r.small()); break;
      case 56:
        m.progressDeadlineMs = r.int(); break;
      case 64:
        m.canary = r.int(); break;
      case 72:
        m.canaryHealthyMs = r.int(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeTaskSpec(w: Writer, m: TaskSpecInput): void {
  if (m.container != null) { const start = w.open(10); encodeContainerSpec(w, m.container); w.close(start); }
  if (m.process != null) { const start = w.open(18); encodeProcessSpec(w, m.process); w.close(start); }
  if (m.resources != null) { const start = w.open(26); encodeResourceRequirements(w, m.resources); w.close(start); }
  if (m.restart != null) { const start = w.open(34); encodeRestartPolicy(w, m.restart); w.close(start); }
  if (m.placement != null) { const start = w.open(42); encodePlacement(w, m.placement); w.close(start); }
  if (m.log != null) { const start = w.open(50); encodeLogConfig(w, m.log); w.close(start); }
  if (m.ports != null) for (const x of m.ports) { const start = w.open(58); encodePortSpec(w, x); w.close(start); }
  if (m.forceUpdate) w.uint(64, Number(m.forceUpdate));
  if (m.checks != null) { const start = w.open(98); encodeTaskChecks(w, m.checks); w.close(start); }
}

function decodeTaskSpec(r: Reader): TaskSpec {
  const m: TaskSpec = { resources: null, restart: null, placement: null, log: null, ports: [], forceUpdate: 0, checks: null };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.container = decodeContainerSpec(r); m.runtime = "container"; r.close(outer); break; }
      case 18:
{ const outer = r.open(); m.process = decodeProcessSpec(r); m.runtime = "process"; r.close(outer); break; }
      case 26:
{ const outer = r.open(); m.resources = decodeResourceRequirements(r); r.close(outer); break; }
      case 34:
{ const outer = r.open(); m.restart = decodeRestartPolicy(r); r.close(outer); break; }
      case 42:
{ const outer = r.open(); m.placement = decodePlacement(r); r.close(outer); break; }
      case 50:
{ const outer = r.open(); m.log = decodeLogConfig(r); r.close(outer); break; }
      case 58:
{ const outer = r.open(); m.ports.push(decodePortSpec(r)); r.close(outer); break; }
      case 64:
        m.forceUpdate = r.uint(); break;
      case 98:
{ const outer = r.open(); m.checks = decodeTaskChecks(r); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeTaskChecks(w: Writer, m: TaskChecksInput): void {
  if (m.startup != null) { const start = w.open(10); encodeCheck(w, m.startup); w.close(start); }
  if (m.readiness != null) { const start = w.open(18); encodeCheck(w, m.readiness); w.close(start); }
  if (m.liveness != null) { const start = w.open(26); encodeCheck(w, m.liveness); w.close(start); }
}

function decodeTaskChecks(r: Reader): TaskChecks {
  const m: TaskChecks = { startup: null, readiness: null, liveness: null };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.startup = decodeCheck(r); r.close(outer); break; }
      case 18:
{ const outer = r.open(); m.readiness = decodeCheck(r); r.close(outer); break; }
      case 26:
{ const outer = r.open(); m.liveness = decodeCheck(r); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeCheck(w: Writer, m: CheckInput): void {
  if (m.command != null) { const start = w.open(10); encodeCommandProbe(w, m.command); w.close(start); }
  if (m.http != null) { const start = w.open(18); encodeHttpProbe(w, m.http); w.close(start); }
  if (m.tcp != null) { const start = w.open(26); encodeTcpProbe(w, m.tcp); w.close(start); }
  if (m.initialDelayMs) w.int(32, Number(m.initialDelayMs));
  if (m.intervalMs) w.int(40, Number(m.intervalMs));
  if (m.timeoutMs) w.int(48, Number(m.timeoutMs));
  if (m.failures) w.int(56, Number(m.failures));
  if (m.successes) w.int(64, Number(m.successes));
}

function decodeCheck(r: Reader): Check {
  const m: Check = { initialDelayMs: 0, intervalMs: 0, timeoutMs: 0, failures: 0, successes: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.command = decodeCommandProbe(r); m.probe = "command"; r.close(outer); break; }
      case 18:
{ const outer = r.open(); m.http = decodeHttpProbe(r); m.probe = "http"; r.close(outer); break; }
      case 26:
{ const outer = r.open(); m.tcp = decodeTcpProbe(r); m.probe = "tcp"; r.close(outer); break; }
      case 32:
        m.initialDelayMs = r.int(); break;
      case 40:
        m.intervalMs = r.int(); break;
      case 48:
        m.timeoutMs = r.int(); break;
      case 56:
        m.failures = r.int(); break;
      case 64:
        m.successes = r.int(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeCommandProbe(w: Writer, m: CommandProbeInput): void {
  if (m.command != null) for (const x of m.command) w.text(10, x);
}

function decodeCommandProbe(r: Reader): CommandProbe {
  const m: CommandProbe = { command: [] };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.command.push(r.text()); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeHttpProbe(w: Writer, m: HttpProbeInput): void {
  if (m.port) w.int(8, Number(m.port));
  if (m.path) w.text(18, m.path);
  if (m.headers != null) {
    for (const key of sortedKeys(m.headers)) {
      const x = m.headers[key]!;
      const start = w.open(26);
      w.text(10, key);
      w.text(18, x);
      w.close(start);
    }
  }
}

function decodeHttpProbe(r: Reader): HttpProbe {
  const m: HttpProbe = { port: 0, path: "", headers: {} };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.port = r.int(); break;
      case 18:
        m.path = r.text(); break;
      case 26:
      {
        const outer = r.open();
        let key = "";
        let value = "";
        while (r.at < r.end) {
          const inTag = r.small();
          if (inTag === 10) key = r.text();
          else if (inTag === 18) value = r.text();
          else r.skip(inTag);
        }
        r.close(outer);
        setKey(m.headers, key, value);
        break;
      }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeTcpProbe(w: Writer, m: TcpProbeInput): void {
  if (m.port) w.int(8, Number(m.port));
}

function decodeTcpProbe(r: Reader): TcpProbe {
  const m: TcpProbe = { port: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.port = r.int(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeContainerSpec(w: Writer, m: ContainerSpecInput): void {
  if (m.image) w.text(10, m.image);
  if (m.command != null) for (const x of m.command) w.text(18, x);
  if (m.args != null) for (const x of m.args) w.text(26, x);
  if (m.env != null) for (const x of m.env) w.text(34, x);
  if (m.dir) w.text(42, m.dir);
  if (m.user) w.text(50, m.user);
  if (m.hostname) w.text(58, m.hostname);
  if (m.labels != null) {
    for (const key of sortedKeys(m.labels)) {
      const x = m.labels[key]!;
      const start = w.open(66);
      w.text(10, key);
      w.text(18, x);
      w.close(start);
    }
  }
  if (m.mounts != null) for (const x of m.mounts) { const start = w.open(74); encodeMount(w, x); w.close(start); }
  if (m.stopSignal) w.text(82, m.stopSignal);
  if (m.stopGraceMs != null) w.int(88, Number(m.stopGraceMs));
  if (m.health != null) { const start = w.open(98); encodeHealthCheck(w, m.health); w.close(start); }
  if (m.pullPolicy != null && m.pullPolicy !== "MISSING" && m.pullPolicy !== 0) w.uint(104, numberOf(CONTAINERSPEC_PULLPOLICY, m.pullPolicy));
  if (m.readOnly) w.bool(112, m.readOnly);
  if (m.init) w.bool(120, m.init);
  if (m.tty) w.bool(128, m.tty);
  if (m.capAdd != null) for (const x of m.capAdd) w.text(138, x);
  if (m.capDrop != null) for (const x of m.capDrop) w.text(146, x);
  if (m.sysctls != null) {
    for (const key of sortedKeys(m.sysctls)) {
      const x = m.sysctls[key]!;
      const start = w.open(154);
      w.text(10, key);
      w.text(18, x);
      w.close(start);
    }
  }
  if (m.extraHosts != null) for (const x of m.extraHosts) w.text(162, x);
  if (m.devices != null) for (const x of m.devices) { const start = w.open(170); encodeDevice(w, x); w.close(start); }
  if (m.gpus != null) { const start = w.open(178); encodeGpuRequest(w, m.gpus); w.close(start); }
  if (m.deviceCgroupRules != null) for (const x of m.deviceCgroupRules) w.text(186, x);
}

function decodeContainerSpec(r: Reader): ContainerSpec {
  const m: ContainerSpec = { image: "", command: [], args: [], env: [], dir: "", user: "", hostname: "", labels: {}, mounts: [], stopSignal: "", health: null, pullPolicy: "MISSING", readOnly: false, init: false, tty: false, capAdd: [], capDrop: [], sysctls: {}, extraHosts: [], devices: [], gpus: null, deviceCgroupRules: [] };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.image = r.text(); break;
      case 18:
        m.command.push(r.text()); break;
      case 26:
        m.args.push(r.text()); break;
      case 34:
        m.env.push(r.text()); break;
      case 42:
        m.dir = r.text(); break;
      case 50:
        m.user = r.text(); break;
      case 58:
        m.hostname = r.text(); break;
      case 66:
      {
        const outer = r.open();
        let key = "";
        let value = "";
        while (r.at < r.end) {
          const inTag = r.small();
          if (inTag === 10) key = r.text();
          else if (inTag === 18) value = r.text();
          else r.skip(inTag);
        }
        r.close(outer);
        setKey(m.labels, key, value);
        break;
      }
      case 74:
{ const outer = r.open(); m.mounts.push(decodeMount(r)); r.close(outer); break; }
      case 82:
        m.stopSignal = r.text(); break;
      case 88:
        m.stopGraceMs = r.int(); m._stopGraceMs = "stopGraceMs"; break;
      case 98:
{ const outer = r.open(); m.health = decodeHealthCheck(r); r.close(outer); break; }
      case 104:
        m.pullPolicy = enumValue(CONTAINERSPEC_PULLPOLICY_NAMES, r.small()); break;
      case 112:
        m.readOnly = r.bool(); break;
      case 120:
        m.init = r.bool(); break;
      case 128:
        m.tty = r.bool(); break;
      case 138:
        m.capAdd.push(r.text()); break;
      case 146:
        m.capDrop.push(r.text()); break;
      case 154:
      {
        const outer = r.open();
        let key = "";
        let value = "";
        while (r.at < r.end) {
          const inTag = r.small();
          if (inTag === 10) key = r.text();
          else if (inTag === 18) value = r.text();
          else r.skip(inTag);
        }
        r.close(outer);
        setKey(m.sysctls, key, value);
        break;
      }
      case 162:
        m.extraHosts.push(r.text()); break;
      case 170:
{ const outer = r.open(); m.devices.push(decodeDevice(r)); r.close(outer); break; }
      case 178:
{ const outer = r.open(); m.gpus = decodeGpuRequest(r); r.close(outer); break; }
      case 186:
        m.deviceCgroupRules.push(r.text()); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeDevice(w: Writer, m: DeviceInput): void {
  if (m.source) w.text(10, m.source);
  if (m.target) w.text(18, m.target);
  if (m.permissions) w.text(26, m.permissions);
}

function decodeDevice(r: Reader): Device {
  const m: Device = { source: "", target: "", permissions: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.source = r.text(); break;
      case 18:
        m.target = r.text(); break;
      case 26:
        m.permissions = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeGpuRequest(w: Writer, m: GpuRequestInput): void {
  if (m.count) w.int(8, Number(m.count));
  if (m.deviceIds != null) for (const x of m.deviceIds) w.text(18, x);
  if (m.capabilities != null) for (const x of m.capabilities) w.text(26, x);
  if (m.driver) w.text(34, m.driver);
}

function decodeGpuRequest(r: Reader): GpuRequest {
  const m: GpuRequest = { count: 0, deviceIds: [], capabilities: [], driver: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.count = r.int(); break;
      case 18:
        m.deviceIds.push(r.text()); break;
      case 26:
        m.capabilities.push(r.text()); break;
      case 34:
        m.driver = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeProcessSpec(w: Writer, m: ProcessSpecInput): void {
  if (m.command != null) for (const x of m.command) w.text(10, x);
  if (m.env != null) for (const x of m.env) w.text(18, x);
  if (m.dir) w.text(26, m.dir);
  if (m.stopSignal) w.text(34, m.stopSignal);
  if (m.stopGraceMs != null) w.int(40, Number(m.stopGraceMs));
  if (m.health != null) { const start = w.open(50); encodeHealthCheck(w, m.health); w.close(start); }
}

function decodeProcessSpec(r: Reader): ProcessSpec {
  const m: ProcessSpec = { command: [], env: [], dir: "", stopSignal: "", health: null };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.command.push(r.text()); break;
      case 18:
        m.env.push(r.text()); break;
      case 26:
        m.dir = r.text(); break;
      case 34:
        m.stopSignal = r.text(); break;
      case 40:
        m.stopGraceMs = r.int(); m._stopGraceMs = "stopGraceMs"; break;
      case 50:
{ const outer = r.open(); m.health = decodeHealthCheck(r); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeMount(w: Writer, m: MountInput): void {
  if (m.type != null && m.type !== "BIND" && m.type !== 0) w.uint(8, numberOf(MOUNT_TYPE, m.type));
  if (m.source) w.text(18, m.source);
  if (m.target) w.text(26, m.target);
  if (m.readOnly) w.bool(32, m.readOnly);
  if (m.tmpfsSizeBytes) w.int(40, Number(m.tmpfsSizeBytes));
  if (m.shared) w.bool(48, m.shared);
  if (m.driver) w.text(58, m.driver);
  if (m.driverOptions != null) {
    for (const key of sortedKeys(m.driverOptions)) {
      const x = m.driverOptions[key]!;
      const start = w.open(66);
      w.text(10, key);
      w.text(18, x);
      w.close(start);
    }
  }
  if (m.local) w.bool(72, m.local);
}

function decodeMount(r: Reader): Mount {
  const m: Mount = { type: "BIND", source: "", target: "", readOnly: false, tmpfsSizeBytes: 0, shared: false, driver: "", driverOptions: {}, local: false };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.type = enumValue(MOUNT_TYPE_NAMES, r.small()); break;
      case 18:
        m.source = r.text(); break;
      case 26:
        m.target = r.text(); break;
      case 32:
        m.readOnly = r.bool(); break;
      case 40:
        m.tmpfsSizeBytes = r.int(); break;
      case 48:
        m.shared = r.bool(); break;
      case 58:
        m.driver = r.text(); break;
      case 66:
      {
        const outer = r.open();
        let key = "";
        let value = "";
        while (r.at < r.end) {
          const inTag = r.small();
          if (inTag === 10) key = r.text();
          else if (inTag === 18) value = r.text();
          else r.skip(inTag);
        }
        r.close(outer);
        setKey(m.driverOptions, key, value);
        break;
      }
      case 72:
        m.local = r.bool(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeHealthCheck(w: Writer, m: HealthCheckInput): void {
  if (m.test != null) for (const x of m.test) w.text(10, x);
  if (m.intervalMs) w.int(16, Number(m.intervalMs));
  if (m.timeoutMs) w.int(24, Number(m.timeoutMs));
  if (m.retries) w.int(32, Number(m.retries));
  if (m.startPeriodMs) w.int(40, Number(m.startPeriodMs));
  if (m.startIntervalMs) w.int(48, Number(m.startIntervalMs));
}

function decodeHealthCheck(r: Reader): HealthCheck {
  const m: HealthCheck = { test: [], intervalMs: 0, timeoutMs: 0, retries: 0, startPeriodMs: 0, startIntervalMs: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.test.push(r.text()); break;
      case 16:
        m.intervalMs = r.int(); break;
      case 24:
        m.timeoutMs = r.int(); break;
      case 32:
        m.retries = r.int(); break;
      case 40:
        m.startPeriodMs = r.int(); break;
      case 48:
        m.startIntervalMs = r.int(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeResourceRequirements(w: Writer, m: ResourceRequirementsInput): void {
  if (m.limits != null) { const start = w.open(10); encodeResources(w, m.limits); w.close(start); }
  if (m.reservations != null) { const start = w.open(18); encodeResources(w, m.reservations); w.close(start); }
  if (m.pidsLimit) w.int(24, Number(m.pidsLimit));
}

function decodeResourceRequirements(r: Reader): ResourceRequirements {
  const m: ResourceRequirements = { limits: null, reservations: null, pidsLimit: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.limits = decodeResources(r); r.close(outer); break; }
      case 18:
{ const outer = r.open(); m.reservations = decodeResources(r); r.close(outer); break; }
      case 24:
        m.pidsLimit = r.int(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRestartPolicy(w: Writer, m: RestartPolicyInput): void {
  if (m.condition != null && m.condition !== "ANY" && m.condition !== 0) w.uint(8, numberOf(RESTARTPOLICY_CONDITION, m.condition));
  if (m.delayMs != null) w.int(16, Number(m.delayMs));
  if (m.maxAttempts) w.int(24, Number(m.maxAttempts));
  if (m.windowMs) w.int(32, Number(m.windowMs));
  if (m.backoffMaxMs != null) w.int(40, Number(m.backoffMaxMs));
}

function decodeRestartPolicy(r: Reader): RestartPolicy {
  const m: RestartPolicy = { condition: "ANY", maxAttempts: 0, windowMs: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.condition = enumValue(RESTARTPOLICY_CONDITION_NAMES, r.small()); break;
      case 16:
        m.delayMs = r.int(); m._delayMs = "delayMs"; break;
      case 24:
        m.maxAttempts = r.int(); break;
      case 32:
        m.windowMs = r.int(); break;
      case 40:
        m.backoffMaxMs = r.int(); m._backoffMaxMs = "backoffMaxMs"; break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodePlacement(w: Writer, m: PlacementInput): void {
  if (m.constraints != null) for (const x of m.constraints) w.text(10, x);
  if (m.maxReplicasPerNode) w.int(16, Number(m.maxReplicasPerNode));
  if (m.platforms != null) for (const x of m.platforms) { const start = w.open(26); encodePlatform(w, x); w.close(start); }
  if (m.preferences != null) for (const x of m.preferences) { const start = w.open(34); encodePlacementPreference(w, x); w.close(start); }
  if (m.strategy != null && m.strategy !== "DEFAULT" && m.strategy !== 0) w.uint(40, numberOf(PLACEMENT_STRATEGY, m.strategy));
}

function decodePlacement(r: Reader): Placement {
  const m: Placement = { constraints: [], maxReplicasPerNode: 0, platforms: [], preferences: [], strategy: "DEFAULT" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.constraints.push(r.text()); break;
      case 16:
        m.maxReplicasPerNode = r.int(); break;
      case 26:
{ const outer = r.open(); m.platforms.push(decodePlatform(r)); r.close(outer); break; }
      case 34:
{ const outer = r.open(); m.preferences.push(decodePlacementPreference(r)); r.close(outer); break; }
      case 40:
        m.strategy = enumValue(PLACEMENT_STRATEGY_NAMES, r.small()); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodePlacementPreference(w: Writer, m: PlacementPreferenceInput): void {
  if (m.spread != null) w.text(10, m.spread);
  if (m.affinity != null) { const start = w.open(18); encodeAffinity(w, m.affinity); w.close(start); }
}

function decodePlacementPreference(r: Reader): PlacementPreference {
  const m: PlacementPreference = {  };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.spread = r.text(); m.preference = "spread"; break;
      case 18:
{ const outer = r.open(); m.affinity = decodeAffinity(r); m.preference = "affinity"; r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeAffinity(w: Writer, m: AffinityInput): void {
  if (m.constraint) w.text(10, m.constraint);
  if (m.weight) w.int(16, Number(m.weight));
}

function decodeAffinity(r: Reader): Affinity {
  const m: Affinity = { constraint: "", weight: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.constraint = r.text(); break;
      case 16:
        m.weight = r.int(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeLogConfig(w: Writer, m: LogConfigInput): void {
  if (m.driver) w.text(10, m.driver);
  if (m.options != null) {
    for (const key of sortedKeys(m.options)) {
      const x = m.options[key]!;
      const start = w.open(18);
      w.text(10, key);
      w.text(18, x);
      w.close(start);
    }
  }
}

function decodeLogConfig(r: Reader): LogConfig {
  const m: LogConfig = { driver: "", options: {} };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.driver = r.text(); break;
      case 18:
      {
        const outer = r.open();
        let key = "";
        let value = "";
        while (r.at < r.end) {
          const inTag = r.small();
          if (inTag === 10) key = r.text();
          else if (inTag === 18) value = r.text();
          else r.skip(inTag);
        }
        r.close(outer);
        setKey(m.options, key, value);
        break;
      }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeNodeSpec(w: Writer, m: NodeSpecInput): void {
  if (m.name) w.text(10, m.name);
  if (m.labels != null) {
    for (const key of sortedKeys(m.labels)) {
      const x = m.labels[key]!;
      const start = w.open(18);
      w.text(10, key);
      w.text(18, x);
      w.close(start);
    }
  }
  if (m.availability != null && m.availability !== "ACTIVE" && m.availability !== 0) w.uint(24, numberOf(NODESPEC_AVAILABILITY, m.availability));
  if (m.drainDeadlineMs) w.int(32, Number(m.drainDeadlineMs));
  if (m.drainParallelism) w.int(40, Number(m.drainParallelism));
}

function decodeNodeSpec(r: Reader): NodeSpec {
  const m: NodeSpec = { name: "", labels: {}, availability: "ACTIVE", drainDeadlineMs: 0, drainParallelism: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.name = r.text(); break;
      case 18:
      {
        const outer = r.open();
        let key = "";
        let value = "";
        while (r.at < r.end) {
          const inTag = r.small();
          if (inTag === 10) key = r.text();
          else if (inTag === 18) value = r.text();
          else r.skip(inTag);
        }
        r.close(outer);
        setKey(m.labels, key, value);
        break;
      }
      case 24:
        m.availability = enumValue(NODESPEC_AVAILABILITY_NAMES, r.small()); break;
      case 32:
        m.drainDeadlineMs = r.int(); break;
      case 40:
        m.drainParallelism = r.int(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeClusterSpec(w: Writer, m: ClusterSpecInput): void {
  if (m.name) w.text(10, m.name);
  if (m.taskHistoryLimit != null) w.int(16, Number(m.taskHistoryLimit));
  if (m.replaceAfterMs) w.int(24, Number(m.replaceAfterMs));
  if (m.replaceClosedAfterMs) w.int(32, Number(m.replaceClosedAfterMs));
  if (m.strategy != null && m.strategy !== "DEFAULT" && m.strategy !== 0) w.uint(80, numberOf(PLACEMENT_STRATEGY, m.strategy));
  if (m.eventsKeptMs) w.int(56, Number(m.eventsKeptMs));
  if (m.eventsKept) w.int(64, Number(m.eventsKept));
}

function decodeClusterSpec(r: Reader): ClusterSpec {
  const m: ClusterSpec = { name: "", replaceAfterMs: 0, replaceClosedAfterMs: 0, strategy: "DEFAULT", eventsKeptMs: 0, eventsKept: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.name = r.text(); break;
      case 16:
        m.taskHistoryLimit = r.int(); m._taskHistoryLimit = "taskHistoryLimit"; break;
      case 24:
        m.replaceAfterMs = r.int(); break;
      case 32:
        m.replaceClosedAfterMs = r.int(); break;
      case 80:
        m.strategy = enumValue(PLACEMENT_STRATEGY_NAMES, r.small()); break;
      case 56:
        m.eventsKeptMs = r.int(); break;
      case 64:
        m.eventsKept = r.int(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeCreateServiceRequest(w: Writer, m: CreateServiceRequestInput): void {
  if (m.requestId) w.text(10, m.requestId);
  if (m.spec != null) { const start = w.open(18); encodeServiceSpec(w, m.spec); w.close(start); }
}

function decodeCreateServiceRequest(r: Reader): CreateServiceRequest {
  const m: CreateServiceRequest = { requestId: "", spec: null };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.requestId = r.text(); break;
      case 18:
{ const outer = r.open(); m.spec = decodeServiceSpec(r); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeCreateServiceResponse(w: Writer, m: CreateServiceResponseInput): void {
  if (m.service != null) { const start = w.open(10); encodeService(w, m.service); w.close(start); }
}

function decodeCreateServiceResponse(r: Reader): CreateServiceResponse {
  const m: CreateServiceResponse = { service: null };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.service = decodeService(r); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeGetRequest(w: Writer, m: GetRequestInput): void {
  if (m.id) w.text(10, m.id);
  if (m.consistency != null && m.consistency !== "LINEARIZABLE" && m.consistency !== 0) w.uint(16, numberOf(CONSISTENCY, m.consistency));
}

function decodeGetRequest(r: Reader): GetRequest {
  const m: GetRequest = { id: "", consistency: "LINEARIZABLE" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.id = r.text(); break;
      case 16:
        m.consistency = enumValue(CONSISTENCY_NAMES, r.small()); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeGetServiceResponse(w: Writer, m: GetServiceResponseInput): void {
  if (m.service != null) { const start = w.open(10); encodeService(w, m.service); w.close(start); }
  if (m.running) w.uint(16, Number(m.running));
  if (m.desired) w.uint(24, Number(m.desired));
  if (m.completed) w.uint(32, Number(m.completed));
  if (m.total) w.uint(40, Number(m.total));
  if (m.nextRunAtMs) w.uint(48, Number(m.nextRunAtMs));
  if (m.lastRun != null) { const start = w.open(58); encodeRun(w, m.lastRun); w.close(start); }
  if (m.ready) w.uint(64, Number(m.ready));
}

function decodeGetServiceResponse(r: Reader): GetServiceResponse {
  const m: GetServiceResponse = { service: null, running: 0, desired: 0, completed: 0, total: 0, nextRunAtMs: 0, lastRun: null, ready: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.service = decodeService(r); r.close(outer); break; }
      case 16:
        m.running = r.uint(); break;
      case 24:
        m.desired = r.uint(); break;
      case 32:
        m.completed = r.uint(); break;
      case 40:
        m.total = r.uint(); break;
      case 48:
        m.nextRunAtMs = r.uint(); break;
      case 58:
{ const outer = r.open(); m.lastRun = decodeRun(r); r.close(outer); break; }
      case 64:
        m.ready = r.uint(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeGetTaskResponse(w: Writer, m: GetTaskResponseInput): void {
  if (m.task != null) { const start = w.open(10); encodeTask(w, m.task); w.close(start); }
  if (m.spec != null) { const start = w.open(18); encodeTaskSpec(w, m.spec); w.close(start); }
}

function decodeGetTaskResponse(r: Reader): GetTaskResponse {
  const m: GetTaskResponse = { task: null, spec: null };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.task = decodeTask(r); r.close(outer); break; }
      case 18:
{ const outer = r.open(); m.spec = decodeTaskSpec(r); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeGetNodeResponse(w: Writer, m: GetNodeResponseInput): void {
  if (m.node != null) { const start = w.open(10); encodeNode(w, m.node); w.close(start); }
  if (m.manager != null) { const start = w.open(18); encodeManagerStatus(w, m.manager); w.close(start); }
}

function decodeGetNodeResponse(r: Reader): GetNodeResponse {
  const m: GetNodeResponse = { node: null, manager: null };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.node = decodeNode(r); r.close(outer); break; }
      case 18:
{ const outer = r.open(); m.manager = decodeManagerStatus(r); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeListRequest(w: Writer, m: ListRequestInput): void {
  if (m.filters != null) for (const x of m.filters) w.text(10, x);
  if (m.pageSize) w.uint(16, Number(m.pageSize));
  if (m.pageToken) w.text(26, m.pageToken);
  if (m.consistency != null && m.consistency !== "LINEARIZABLE" && m.consistency !== 0) w.uint(32, numberOf(CONSISTENCY, m.consistency));
}

function decodeListRequest(r: Reader): ListRequest {
  const m: ListRequest = { filters: [], pageSize: 0, pageToken: "", consistency: "LINEARIZABLE" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.filters.push(r.text()); break;
      case 16:
        m.pageSize = r.small(); break;
      case 26:
        m.pageToken = r.text(); break;
      case 32:
        m.consistency = enumValue(CONSISTENCY_NAMES, r.small()); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeListServicesResponse(w: Writer, m: ListServicesResponseInput): void {
  if (m.services != null) for (const x of m.services) { const start = w.open(10); encodeServiceSummary(w, x); w.close(start); }
  if (m.nextPageToken) w.text(18, m.nextPageToken);
  if (m.version) w.uint(24, Number(m.version));
  if (m.awaitsResume != null) { const start = w.open(34); encodeRecovery(w, m.awaitsResume); w.close(start); }
}

function decodeListServicesResponse(r: Reader): ListServicesResponse {
  const m: ListServicesResponse = { services: [], nextPageToken: "", version: 0, awaitsResume: null };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.services.push(decodeServiceSummary(r)); r.close(outer); break; }
      case 18:
        m.nextPageToken = r.text(); break;
      case 24:
        m.version = r.uint(); break;
      case 34:
{ const outer = r.open(); m.awaitsResume = decodeRecovery(r); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeServiceSummary(w: Writer, m: ServiceSummaryInput): void {
  if (m.service != null) { const start = w.open(10); encodeService(w, m.service); w.close(start); }
  if (m.running) w.uint(16, Number(m.running));
  if (m.desired) w.uint(24, Number(m.desired));
  if (m.completed) w.uint(32, Number(m.completed));
  if (m.total) w.uint(40, Number(m.total));
  if (m.nextRunAtMs) w.uint(48, Number(m.nextRunAtMs));
  if (m.lastRun != null) { const start = w.open(58); encodeRun(w, m.lastRun); w.close(start); }
  if (m.ready) w.uint(64, Number(m.ready));
}

function decodeServiceSummary(r: Reader): ServiceSummary {
  const m: ServiceSummary = { service: null, running: 0, desired: 0, completed: 0, total: 0, nextRunAtMs: 0, lastRun: null, ready: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.service = decodeService(r); r.close(outer); break; }
      case 16:
        m.running = r.uint(); break;
      case 24:
        m.desired = r.uint(); break;
      case 32:
        m.completed = r.uint(); break;
      case 40:
        m.total = r.uint(); break;
      case 48:
        m.nextRunAtMs = r.uint(); break;
      case 58:
{ const outer = r.open(); m.lastRun = decodeRun(r); r.close(outer); break; }
      case 64:
        m.ready = r.uint(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeListTasksResponse(w: Writer, m: ListTasksResponseInput): void {
  if (m.tasks != null) for (const x of m.tasks) { const start = w.open(10); encodeTask(w, x); w.close(start); }
  if (m.nextPageToken) w.text(18, m.nextPageToken);
  if (m.version) w.uint(24, Number(m.version));
  if (m.labels != null) {
    for (const key of sortedKeys(m.labels)) {
      const x = m.labels[key]!;
      const start = w.open(34);
      w.text(10, key);
      w.text(18, x);
      w.close(start);
    }
  }
}

function decodeListTasksResponse(r: Reader): ListTasksResponse {
  const m: ListTasksResponse = { tasks: [], nextPageToken: "", version: 0, labels: {} };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.tasks.push(decodeTask(r)); r.close(outer); break; }
      case 18:
        m.nextPageToken = r.text(); break;
      case 24:
        m.version = r.uint(); break;
      case 34:
      {
        const outer = r.open();
        let key = "";
        let value = "";
        while (r.at < r.end) {
          const inTag = r.small();
          if (inTag === 10) key = r.text();
          else if (inTag === 18) value = r.text();
          else r.skip(inTag);
        }
        r.close(outer);
        setKey(m.labels, key, value);
        break;
      }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeListNodesResponse(w: Writer, m: ListNodesResponseInput): void {
  if (m.nodes != null) for (const x of m.nodes) { const start = w.open(10); encodeNodeSummary(w, x); w.close(start); }
  if (m.nextPageToken) w.text(18, m.nextPageToken);
  if (m.version) w.uint(24, Number(m.version));
  if (m.awaitsResume != null) { const start = w.open(34); encodeRecovery(w, m.awaitsResume); w.close(start); }
  if (m.massSilence != null) { const start = w.open(42); encodeMassSilence(w, m.massSilence); w.close(start); }
}

function decodeListNodesResponse(r: Reader): ListNodesResponse {
  const m: ListNodesResponse = { nodes: [], nextPageToken: "", version: 0, awaitsResume: null, massSilence: null };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.nodes.push(decodeNodeSummary(r)); r.close(outer); break; }
      case 18:
        m.nextPageToken = r.text(); break;
      case 24:
        m.version = r.uint(); break;
      case 34:
{ const outer = r.open(); m.awaitsResume = decodeRecovery(r); r.close(outer); break; }
      case 42:
{ const outer = r.open(); m.massSilence = decodeMassSilence(r); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeNodeSummary(w: Writer, m: NodeSummaryInput): void {
  if (m.node != null) { const start = w.open(10); encodeNode(w, m.node); w.close(start); }
  if (m.manager != null) { const start = w.open(18); encodeManagerStatus(w, m.manager); w.close(start); }
}

function decodeNodeSummary(r: Reader): NodeSummary {
  const m: NodeSummary = { node: null, manager: null };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.node = decodeNode(r); r.close(outer); break; }
      case 18:
{ const outer = r.open(); m.manager = decodeManagerStatus(r); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeManagerStatus(w: Writer, m: ManagerStatusInput): void {
  if (m.reachability != null && m.reachability !== "NONE" && m.reachability !== 0) w.uint(8, numberOf(MANAGERSTATUS_REACHABILITY, m.reachability));
}

function decodeManagerStatus(r: Reader): ManagerStatus {
  const m: ManagerStatus = { reachability: "NONE" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.reachability = enumValue(MANAGERSTATUS_REACHABILITY_NAMES, r.small()); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRunServiceRequest(w: Writer, m: RunServiceRequestInput): void {
  if (m.requestId) w.text(10, m.requestId);
  if (m.id) w.text(18, m.id);
}

function decodeRunServiceRequest(r: Reader): RunServiceRequest {
  const m: RunServiceRequest = { requestId: "", id: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.requestId = r.text(); break;
      case 18:
        m.id = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRunServiceResponse(w: Writer, m: RunServiceResponseInput): void {
  if (m.run != null) { const start = w.open(10); encodeRun(w, m.run); w.close(start); }
}

function decodeRunServiceResponse(r: Reader): RunServiceResponse {
  const m: RunServiceResponse = { run: null };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.run = decodeRun(r); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeListRunsResponse(w: Writer, m: ListRunsResponseInput): void {
  if (m.runs != null) for (const x of m.runs) { const start = w.open(10); encodeRun(w, x); w.close(start); }
  if (m.nextPageToken) w.text(18, m.nextPageToken);
  if (m.version) w.uint(24, Number(m.version));
}

function decodeListRunsResponse(r: Reader): ListRunsResponse {
  const m: ListRunsResponse = { runs: [], nextPageToken: "", version: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.runs.push(decodeRun(r)); r.close(outer); break; }
      case 18:
        m.nextPageToken = r.text(); break;
      case 24:
        m.version = r.uint(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeUpdateServiceRequest(w: Writer, m: UpdateServiceRequestInput): void {
  if (m.requestId) w.text(10, m.requestId);
  if (m.id) w.text(18, m.id);
  if (m.version) w.uint(24, Number(m.version));
  if (m.spec != null) { const start = w.open(34); encodeServiceSpec(w, m.spec); w.close(start); }
}

function decodeUpdateServiceRequest(r: Reader): UpdateServiceRequest {
  const m: UpdateServiceRequest = { requestId: "", id: "", version: 0, spec: null };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.requestId = r.text(); break;
      case 18:
        m.id = r.text(); break;
      case 24:
        m.version = r.uint(); break;
      case 34:
{ const outer = r.open(); m.spec = decodeServiceSpec(r); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeUpdateServiceResponse(w: Writer, m: UpdateServiceResponseInput): void {
  if (m.service != null) { const start = w.open(10); encodeService(w, m.service); w.close(start); }
  if (m.warnings != null) for (const x of m.warnings) w.text(18, x);
}

function decodeUpdateServiceResponse(r: Reader): UpdateServiceResponse {
  const m: UpdateServiceResponse = { service: null, warnings: [] };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.service = decodeService(r); r.close(outer); break; }
      case 18:
        m.warnings.push(r.text()); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRollbackServiceRequest(w: Writer, m: RollbackServiceRequestInput): void {
  if (m.requestId) w.text(10, m.requestId);
  if (m.id) w.text(18, m.id);
  if (m.to) w.uint(24, Number(m.to));
}

function decodeRollbackServiceRequest(r: Reader): RollbackServiceRequest {
  const m: RollbackServiceRequest = { requestId: "", id: "", to: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.requestId = r.text(); break;
      case 18:
        m.id = r.text(); break;
      case 24:
        m.to = r.uint(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeSteerRolloutRequest(w: Writer, m: SteerRolloutRequestInput): void {
  if (m.requestId) w.text(10, m.requestId);
  if (m.id) w.text(18, m.id);
  if (m.action != null && m.action !== "NONE" && m.action !== 0) w.uint(24, numberOf(STEERROLLOUTREQUEST_ACTION, m.action));
}

function decodeSteerRolloutRequest(r: Reader): SteerRolloutRequest {
  const m: SteerRolloutRequest = { requestId: "", id: "", action: "NONE" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.requestId = r.text(); break;
      case 18:
        m.id = r.text(); break;
      case 24:
        m.action = enumValue(STEERROLLOUTREQUEST_ACTION_NAMES, r.small()); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRebalanceServiceRequest(w: Writer, m: RebalanceServiceRequestInput): void {
  if (m.requestId) w.text(10, m.requestId);
  if (m.id) w.text(18, m.id);
}

function decodeRebalanceServiceRequest(r: Reader): RebalanceServiceRequest {
  const m: RebalanceServiceRequest = { requestId: "", id: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.requestId = r.text(); break;
      case 18:
        m.id = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodePlanRebalanceResponse(w: Writer, m: PlanRebalanceResponseInput): void {
  if (m.moves != null) for (const x of m.moves) { const start = w.open(10); encodePlannedMove(w, x); w.close(start); }
  if (m.waitsFor) w.text(18, m.waitsFor);
  if (m.partial) w.bool(24, m.partial);
}

function decodePlanRebalanceResponse(r: Reader): PlanRebalanceResponse {
  const m: PlanRebalanceResponse = { moves: [], waitsFor: "", partial: false };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.moves.push(decodePlannedMove(r)); r.close(outer); break; }
      case 18:
        m.waitsFor = r.text(); break;
      case 24:
        m.partial = r.bool(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodePlannedMove(w: Writer, m: PlannedMoveInput): void {
  if (m.taskId) w.text(10, m.taskId);
  if (m.taskName) w.text(18, m.taskName);
  if (m.fromNodeId) w.text(26, m.fromNodeId);
  if (m.fromNodeName) w.text(34, m.fromNodeName);
  if (m.toNodeId) w.text(42, m.toNodeId);
  if (m.toNodeName) w.text(50, m.toNodeName);
}

function decodePlannedMove(r: Reader): PlannedMove {
  const m: PlannedMove = { taskId: "", taskName: "", fromNodeId: "", fromNodeName: "", toNodeId: "", toNodeName: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.taskId = r.text(); break;
      case 18:
        m.taskName = r.text(); break;
      case 26:
        m.fromNodeId = r.text(); break;
      case 34:
        m.fromNodeName = r.text(); break;
      case 42:
        m.toNodeId = r.text(); break;
      case 50:
        m.toNodeName = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeListRevisionsResponse(w: Writer, m: ListRevisionsResponseInput): void {
  if (m.revisions != null) for (const x of m.revisions) { const start = w.open(10); encodeRevisionSummary(w, x); w.close(start); }
}

function decodeListRevisionsResponse(r: Reader): ListRevisionsResponse {
  const m: ListRevisionsResponse = { revisions: [] };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.revisions.push(decodeRevisionSummary(r)); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRevisionSummary(w: Writer, m: RevisionSummaryInput): void {
  if (m.revision != null) { const start = w.open(10); encodeRevision(w, m.revision); w.close(start); }
  if (m.label) w.text(18, m.label);
  if (m.current) w.bool(24, m.current);
  if (m.running) w.uint(32, Number(m.running));
}

function decodeRevisionSummary(r: Reader): RevisionSummary {
  const m: RevisionSummary = { revision: null, label: "", current: false, running: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.revision = decodeRevision(r); r.close(outer); break; }
      case 18:
        m.label = r.text(); break;
      case 24:
        m.current = r.bool(); break;
      case 32:
        m.running = r.uint(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeUpdateNodeRequest(w: Writer, m: UpdateNodeRequestInput): void {
  if (m.requestId) w.text(10, m.requestId);
  if (m.id) w.text(18, m.id);
  if (m.version) w.uint(24, Number(m.version));
  if (m.spec != null) { const start = w.open(34); encodeNodeSpec(w, m.spec); w.close(start); }
}

function decodeUpdateNodeRequest(r: Reader): UpdateNodeRequest {
  const m: UpdateNodeRequest = { requestId: "", id: "", version: 0, spec: null };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.requestId = r.text(); break;
      case 18:
        m.id = r.text(); break;
      case 24:
        m.version = r.uint(); break;
      case 34:
{ const outer = r.open(); m.spec = decodeNodeSpec(r); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeUpdateNodeResponse(w: Writer, m: UpdateNodeResponseInput): void {
  if (m.node != null) { const start = w.open(10); encodeNode(w, m.node); w.close(start); }
  if (m.warnings != null) for (const x of m.warnings) w.text(18, x);
}

function decodeUpdateNodeResponse(r: Reader): UpdateNodeResponse {
  const m: UpdateNodeResponse = { node: null, warnings: [] };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.node = decodeNode(r); r.close(outer); break; }
      case 18:
        m.warnings.push(r.text()); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeSetNodeRoleRequest(w: Writer, m: SetNodeRoleRequestInput): void {
  if (m.requestId) w.text(10, m.requestId);
  if (m.id) w.text(18, m.id);
  if (m.role != null && m.role !== "WORKER" && m.role !== 0) w.uint(24, numberOf(NODE_ROLE, m.role));
  if (m.loseQuorum) w.bool(32, m.loseQuorum);
}

function decodeSetNodeRoleRequest(r: Reader): SetNodeRoleRequest {
  const m: SetNodeRoleRequest = { requestId: "", id: "", role: "WORKER", loseQuorum: false };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.requestId = r.text(); break;
      case 18:
        m.id = r.text(); break;
      case 24:
        m.role = enumValue(NODE_ROLE_NAMES, r.small()); break;
      case 32:
        m.loseQuorum = r.bool(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRemoveRequest(w: Writer, m: RemoveRequestInput): void {
  if (m.requestId) w.text(10, m.requestId);
  if (m.id) w.text(18, m.id);
}

function decodeRemoveRequest(r: Reader): RemoveRequest {
  const m: RemoveRequest = { requestId: "", id: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.requestId = r.text(); break;
      case 18:
        m.id = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRemoveTaskRequest(w: Writer, m: RemoveTaskRequestInput): void {
  if (m.requestId) w.text(10, m.requestId);
  if (m.id) w.text(18, m.id);
}

function decodeRemoveTaskRequest(r: Reader): RemoveTaskRequest {
  const m: RemoveTaskRequest = { requestId: "", id: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.requestId = r.text(); break;
      case 18:
        m.id = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRemoveTaskResponse(w: Writer, m: RemoveTaskResponseInput): void {
  if (m.task != null) { const start = w.open(10); encodeTask(w, m.task); w.close(start); }
}

function decodeRemoveTaskResponse(r: Reader): RemoveTaskResponse {
  const m: RemoveTaskResponse = { task: null };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.task = decodeTask(r); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRemoveNodeRequest(w: Writer, m: RemoveNodeRequestInput): void {
  if (m.requestId) w.text(10, m.requestId);
  if (m.id) w.text(18, m.id);
  if (m.force) w.bool(24, m.force);
  if (m.loseQuorum) w.bool(32, m.loseQuorum);
}

function decodeRemoveNodeRequest(r: Reader): RemoveNodeRequest {
  const m: RemoveNodeRequest = { requestId: "", id: "", force: false, loseQuorum: false };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.requestId = r.text(); break;
      case 18:
        m.id = r.text(); break;
      case 24:
        m.force = r.bool(); break;
      case 32:
        m.loseQuorum = r.bool(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRemoveResponse(w: Writer, m: RemoveResponseInput): void {
  if (m.id) w.text(10, m.id);
  if (m.warnings != null) for (const x of m.warnings) w.text(18, x);
}

function decodeRemoveResponse(r: Reader): RemoveResponse {
  const m: RemoveResponse = { id: "", warnings: [] };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.id = r.text(); break;
      case 18:
        m.warnings.push(r.text()); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeGetClusterRequest(w: Writer, m: GetClusterRequestInput): void {
  if (m.consistency != null && m.consistency !== "LINEARIZABLE" && m.consistency !== 0) w.uint(8, numberOf(CONSISTENCY, m.consistency));
}

function decodeGetClusterRequest(r: Reader): GetClusterRequest {
  const m: GetClusterRequest = { consistency: "LINEARIZABLE" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.consistency = enumValue(CONSISTENCY_NAMES, r.small()); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeGetClusterResponse(w: Writer, m: GetClusterResponseInput): void {
  if (m.cluster != null) { const start = w.open(10); encodeCluster(w, m.cluster); w.close(start); }
  if (m.leaderId) w.text(18, m.leaderId);
  if (m.leaderAddress) w.text(26, m.leaderAddress);
  if (m.term) w.uint(32, Number(m.term));
  if (m.commitIndex) w.uint(40, Number(m.commitIndex));
  if (m.managers) w.uint(48, Number(m.managers));
  if (m.managersReachable) w.uint(56, Number(m.managersReachable));
  if (m.nodes) w.uint(64, Number(m.nodes));
  if (m.nodesReady) w.uint(72, Number(m.nodesReady));
  if (m.services) w.uint(80, Number(m.services));
  if (m.tasks) w.uint(88, Number(m.tasks));
  if (m.tasksRunning) w.uint(96, Number(m.tasksRunning));
  if (m.protocol) w.uint(104, Number(m.protocol));
  if (m.protocolReady) w.uint(112, Number(m.protocolReady));
}

function decodeGetClusterResponse(r: Reader): GetClusterResponse {
  const m: GetClusterResponse = { cluster: null, leaderId: "", leaderAddress: "", term: 0, commitIndex: 0, managers: 0, managersReachable: 0, nodes: 0, nodesReady: 0, services: 0, tasks: 0, tasksRunning: 0, protocol: 0, protocolReady: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.cluster = decodeCluster(r); r.close(outer); break; }
      case 18:
        m.leaderId = r.text(); break;
      case 26:
        m.leaderAddress = r.text(); break;
      case 32:
        m.term = r.uint(); break;
      case 40:
        m.commitIndex = r.uint(); break;
      case 48:
        m.managers = r.small(); break;
      case 56:
        m.managersReachable = r.small(); break;
      case 64:
        m.nodes = r.small(); break;
      case 72:
        m.nodesReady = r.small(); break;
      case 80:
        m.services = r.small(); break;
      case 88:
        m.tasks = r.small(); break;
      case 96:
        m.tasksRunning = r.small(); break;
      case 104:
        m.protocol = r.small(); break;
      case 112:
        m.protocolReady = r.small(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeUpdateClusterRequest(w: Writer, m: UpdateClusterRequestInput): void {
  if (m.requestId) w.text(10, m.requestId);
  if (m.version) w.uint(16, Number(m.version));
  if (m.spec != null) { const start = w.open(26); encodeClusterSpec(w, m.spec); w.close(start); }
  if (m.rotateWorkerToken) w.bool(32, m.rotateWorkerToken);
  if (m.rotateManagerToken) w.bool(40, m.rotateManagerToken);
}

function decodeUpdateClusterRequest(r: Reader): UpdateClusterRequest {
  const m: UpdateClusterRequest = { requestId: "", version: 0, spec: null, rotateWorkerToken: false, rotateManagerToken: false };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.requestId = r.text(); break;
      case 16:
        m.version = r.uint(); break;
      case 26:
{ const outer = r.open(); m.spec = decodeClusterSpec(r); r.close(outer); break; }
      case 32:
        m.rotateWorkerToken = r.bool(); break;
      case 40:
        m.rotateManagerToken = r.bool(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeUpdateClusterResponse(w: Writer, m: UpdateClusterResponseInput): void {
  if (m.cluster != null) { const start = w.open(10); encodeCluster(w, m.cluster); w.close(start); }
}

function decodeUpdateClusterResponse(r: Reader): UpdateClusterResponse {
  const m: UpdateClusterResponse = { cluster: null };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.cluster = decodeCluster(r); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeFinalizeUpgradeRequest(w: Writer, m: FinalizeUpgradeRequestInput): void {
  if (m.requestId) w.text(10, m.requestId);
}

function decodeFinalizeUpgradeRequest(r: Reader): FinalizeUpgradeRequest {
  const m: FinalizeUpgradeRequest = { requestId: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.requestId = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeFinalizeUpgradeResponse(w: Writer, m: FinalizeUpgradeResponseInput): void {
  if (m.before) w.uint(8, Number(m.before));
  if (m.protocol) w.uint(16, Number(m.protocol));
}

function decodeFinalizeUpgradeResponse(r: Reader): FinalizeUpgradeResponse {
  const m: FinalizeUpgradeResponse = { before: 0, protocol: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.before = r.small(); break;
      case 16:
        m.protocol = r.small(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodePlanResumeRequest(w: Writer, m: PlanResumeRequestInput): void {
}

function decodePlanResumeRequest(r: Reader): PlanResumeRequest {
  const m: PlanResumeRequest = {  };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      default: r.skip(tag);
    }
  }
  return m;
}

function encodePlanResumeResponse(w: Writer, m: PlanResumeResponseInput): void {
  if (m.awaitsResume != null) { const start = w.open(10); encodeRecovery(w, m.awaitsResume); w.close(start); }
  if (m.incarnation) w.text(18, m.incarnation);
  if (m.items != null) for (const x of m.items) { const start = w.open(26); encodeResumeItem(w, x); w.close(start); }
  if (m.omitted) w.uint(32, Number(m.omitted));
  if (m.unknown != null) for (const x of m.unknown) { const start = w.open(42); encodeResumeNode(w, x); w.close(start); }
}

function decodePlanResumeResponse(r: Reader): PlanResumeResponse {
  const m: PlanResumeResponse = { awaitsResume: null, incarnation: "", items: [], omitted: 0, unknown: [] };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.awaitsResume = decodeRecovery(r); r.close(outer); break; }
      case 18:
        m.incarnation = r.text(); break;
      case 26:
{ const outer = r.open(); m.items.push(decodeResumeItem(r)); r.close(outer); break; }
      case 32:
        m.omitted = r.small(); break;
      case 42:
{ const outer = r.open(); m.unknown.push(decodeResumeNode(r)); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeResumeItem(w: Writer, m: ResumeItemInput): void {
  if (m.action != null && m.action !== "STOP" && m.action !== 0) w.uint(8, numberOf(RESUMEITEM_ACTION, m.action));
  if (m.taskId) w.text(18, m.taskId);
  if (m.serviceId) w.text(26, m.serviceId);
  if (m.name) w.text(34, m.name);
  if (m.nodeId) w.text(42, m.nodeId);
  if (m.nodeName) w.text(50, m.nodeName);
  if (m.reason) w.text(58, m.reason);
}

function decodeResumeItem(r: Reader): ResumeItem {
  const m: ResumeItem = { action: "STOP", taskId: "", serviceId: "", name: "", nodeId: "", nodeName: "", reason: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.action = enumValue(RESUMEITEM_ACTION_NAMES, r.small()); break;
      case 18:
        m.taskId = r.text(); break;
      case 26:
        m.serviceId = r.text(); break;
      case 34:
        m.name = r.text(); break;
      case 42:
        m.nodeId = r.text(); break;
      case 50:
        m.nodeName = r.text(); break;
      case 58:
        m.reason = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeResumeNode(w: Writer, m: ResumeNodeInput): void {
  if (m.id) w.text(10, m.id);
  if (m.name) w.text(18, m.name);
  if (m.address) w.text(26, m.address);
  if (m.isStranger) w.bool(32, m.isStranger);
  if (m.reason) w.text(42, m.reason);
}

function decodeResumeNode(r: Reader): ResumeNode {
  const m: ResumeNode = { id: "", name: "", address: "", isStranger: false, reason: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.id = r.text(); break;
      case 18:
        m.name = r.text(); break;
      case 26:
        m.address = r.text(); break;
      case 32:
        m.isStranger = r.bool(); break;
      case 42:
        m.reason = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeResumeClusterRequest(w: Writer, m: ResumeClusterRequestInput): void {
  if (m.requestId) w.text(10, m.requestId);
  if (m.incarnation) w.text(18, m.incarnation);
}

function decodeResumeClusterRequest(r: Reader): ResumeClusterRequest {
  const m: ResumeClusterRequest = { requestId: "", incarnation: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.requestId = r.text(); break;
      case 18:
        m.incarnation = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeResumeClusterResponse(w: Writer, m: ResumeClusterResponseInput): void {
}

function decodeResumeClusterResponse(r: Reader): ResumeClusterResponse {
  const m: ResumeClusterResponse = {  };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeGetJoinTokensRequest(w: Writer, m: GetJoinTokensRequestInput): void {
}

function decodeGetJoinTokensRequest(r: Reader): GetJoinTokensRequest {
  const m: GetJoinTokensRequest = {  };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeGetJoinTokensResponse(w: Writer, m: GetJoinTokensResponseInput): void {
  if (m.worker) w.text(10, m.worker);
  if (m.manager) w.text(18, m.manager);
  if (m.addresses != null) for (const x of m.addresses) w.text(26, x);
}

function decodeGetJoinTokensResponse(r: Reader): GetJoinTokensResponse {
  const m: GetJoinTokensResponse = { worker: "", manager: "", addresses: [] };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.worker = r.text(); break;
      case 18:
        m.manager = r.text(); break;
      case 26:
        m.addresses.push(r.text()); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeExplainRequest(w: Writer, m: ExplainRequestInput): void {
  if (m.id) w.text(10, m.id);
}

function decodeExplainRequest(r: Reader): ExplainRequest {
  const m: ExplainRequest = { id: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.id = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeExplainResponse(w: Writer, m: ExplainResponseInput): void {
  if (m.kind) w.text(10, m.kind);
  if (m.id) w.text(18, m.id);
  if (m.name) w.text(26, m.name);
  if (m.summary) w.text(34, m.summary);
  if (m.reasons != null) for (const x of m.reasons) { const start = w.open(42); encodeExplainReason(w, x); w.close(start); }
}

function decodeExplainResponse(r: Reader): ExplainResponse {
  const m: ExplainResponse = { kind: "", id: "", name: "", summary: "", reasons: [] };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.kind = r.text(); break;
      case 18:
        m.id = r.text(); break;
      case 26:
        m.name = r.text(); break;
      case 34:
        m.summary = r.text(); break;
      case 42:
{ const outer = r.open(); m.reasons.push(decodeExplainReason(r)); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeExplainReason(w: Writer, m: ExplainReasonInput): void {
  if (m.subjectKind) w.text(10, m.subjectKind);
  if (m.subjectId) w.text(18, m.subjectId);
  if (m.subjectName) w.text(26, m.subjectName);
  if (m.code) w.text(34, m.code);
  if (m.message) w.text(42, m.message);
  if (m.next) w.text(50, m.next);
}

function decodeExplainReason(r: Reader): ExplainReason {
  const m: ExplainReason = { subjectKind: "", subjectId: "", subjectName: "", code: "", message: "", next: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.subjectKind = r.text(); break;
      case 18:
        m.subjectId = r.text(); break;
      case 26:
        m.subjectName = r.text(); break;
      case 34:
        m.code = r.text(); break;
      case 42:
        m.message = r.text(); break;
      case 50:
        m.next = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeInitRequest(w: Writer, m: InitRequestInput): void {
  if (m.clusterName) w.text(10, m.clusterName);
  if (m.advertise) w.text(18, m.advertise);
}

function decodeInitRequest(r: Reader): InitRequest {
  const m: InitRequest = { clusterName: "", advertise: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.clusterName = r.text(); break;
      case 18:
        m.advertise = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeInitResponse(w: Writer, m: InitResponseInput): void {
  if (m.clusterId) w.text(10, m.clusterId);
  if (m.nodeId) w.text(18, m.nodeId);
  if (m.advertise) w.text(26, m.advertise);
  if (m.workerToken) w.text(34, m.workerToken);
  if (m.managerToken) w.text(42, m.managerToken);
}

function decodeInitResponse(r: Reader): InitResponse {
  const m: InitResponse = { clusterId: "", nodeId: "", advertise: "", workerToken: "", managerToken: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.clusterId = r.text(); break;
      case 18:
        m.nodeId = r.text(); break;
      case 26:
        m.advertise = r.text(); break;
      case 34:
        m.workerToken = r.text(); break;
      case 42:
        m.managerToken = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeJoinRequest(w: Writer, m: JoinRequestInput): void {
  if (m.managers != null) for (const x of m.managers) w.text(10, x);
  if (m.token) w.text(18, m.token);
  if (m.advertise) w.text(26, m.advertise);
  if (m.name) w.text(34, m.name);
}

function decodeJoinRequest(r: Reader): JoinRequest {
  const m: JoinRequest = { managers: [], token: "", advertise: "", name: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.managers.push(r.text()); break;
      case 18:
        m.token = r.text(); break;
      case 26:
        m.advertise = r.text(); break;
      case 34:
        m.name = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeJoinResponse(w: Writer, m: JoinResponseInput): void {
  if (m.clusterId) w.text(10, m.clusterId);
  if (m.nodeId) w.text(18, m.nodeId);
  if (m.role) w.text(26, m.role);
}

function decodeJoinResponse(r: Reader): JoinResponse {
  const m: JoinResponse = { clusterId: "", nodeId: "", role: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.clusterId = r.text(); break;
      case 18:
        m.nodeId = r.text(); break;
      case 26:
        m.role = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeLeaveRequest(w: Writer, m: LeaveRequestInput): void {
  if (m.force) w.bool(8, m.force);
}

function decodeLeaveRequest(r: Reader): LeaveRequest {
  const m: LeaveRequest = { force: false };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.force = r.bool(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeLeaveResponse(w: Writer, m: LeaveResponseInput): void {
}

function decodeLeaveResponse(r: Reader): LeaveResponse {
  const m: LeaveResponse = {  };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeStatusRequest(w: Writer, m: StatusRequestInput): void {
}

function decodeStatusRequest(r: Reader): StatusRequest {
  const m: StatusRequest = {  };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeStatusResponse(w: Writer, m: StatusResponseInput): void {
  if (m.state) w.text(10, m.state);
  if (m.clusterId) w.text(18, m.clusterId);
  if (m.nodeId) w.text(26, m.nodeId);
  if (m.role) w.text(34, m.role);
  if (m.message) w.text(42, m.message);
}

function decodeStatusResponse(r: Reader): StatusResponse {
  const m: StatusResponse = { state: "", clusterId: "", nodeId: "", role: "", message: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.state = r.text(); break;
      case 18:
        m.clusterId = r.text(); break;
      case 26:
        m.nodeId = r.text(); break;
      case 34:
        m.role = r.text(); break;
      case 42:
        m.message = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeEvent(w: Writer, m: EventInput): void {
  if (m.version) w.uint(8, Number(m.version));
  if (m.n) w.uint(16, Number(m.n));
  if (m.timeMs) w.uint(24, Number(m.timeMs));
  if (m.type) w.text(34, m.type);
  if (m.action) w.text(42, m.action);
  if (m.level != null && m.level !== "INFO" && m.level !== 0) w.uint(48, numberOf(EVENT_LEVEL, m.level));
  if (m.id) w.text(58, m.id);
  if (m.name) w.text(66, m.name);
  if (m.serviceId) w.text(74, m.serviceId);
  if (m.serviceName) w.text(82, m.serviceName);
  if (m.nodeId) w.text(90, m.nodeId);
  if (m.nodeName) w.text(98, m.nodeName);
  if (m.cause != null) { const start = w.open(106); encodeCause(w, m.cause); w.close(start); }
  if (m.message) w.text(114, m.message);
  if (m.exitCode != null) w.int(120, Number(m.exitCode));
}

function decodeEvent(r: Reader): Event {
  const m: Event = { version: 0, n: 0, timeMs: 0, type: "", action: "", level: "INFO", id: "", name: "", serviceId: "", serviceName: "", nodeId: "", nodeName: "", cause: null, message: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.version = r.uint(); break;
      case 16:
        m.n = r.small(); break;
      case 24:
        m.timeMs = r.uint(); break;
      case 34:
        m.type = r.text(); break;
      case 42:
        m.action = r.text(); break;
      case 48:
        m.level = enumValue(EVENT_LEVEL_NAMES, r.small()); break;
      case 58:
        m.id = r.text(); break;
      case 66:
        m.name = r.text(); break;
      case 74:
        m.serviceId = r.text(); break;
      case 82:
        m.serviceName = r.text(); break;
      case 90:
        m.nodeId = r.text(); break;
      case 98:
        m.nodeName = r.text(); break;
      case 106:
{ const outer = r.open(); m.cause = decodeCause(r); r.close(outer); break; }
      case 114:
        m.message = r.text(); break;
      case 120:
        m.exitCode = r.int32(); m._exitCode = "exitCode"; break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeEventPosition(w: Writer, m: EventPositionInput): void {
  if (m.version) w.uint(8, Number(m.version));
  if (m.n) w.uint(16, Number(m.n));
}

function decodeEventPosition(r: Reader): EventPosition {
  const m: EventPosition = { version: 0, n: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.version = r.uint(); break;
      case 16:
        m.n = r.small(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeEventGap(w: Writer, m: EventGapInput): void {
  if (m.afterVersion) w.uint(8, Number(m.afterVersion));
  if (m.upToVersion) w.uint(16, Number(m.upToVersion));
  if (m.upToMs) w.uint(24, Number(m.upToMs));
  if (m.expired) w.bool(32, m.expired);
}

function decodeEventGap(r: Reader): EventGap {
  const m: EventGap = { afterVersion: 0, upToVersion: 0, upToMs: 0, expired: false };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.afterVersion = r.uint(); break;
      case 16:
        m.upToVersion = r.uint(); break;
      case 24:
        m.upToMs = r.uint(); break;
      case 32:
        m.expired = r.bool(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeReadEventsRequest(w: Writer, m: ReadEventsRequestInput): void {
  if (m.filters != null) for (const x of m.filters) w.text(10, x);
  if (m.after != null) { const start = w.open(18); encodeEventPosition(w, m.after); w.close(start); }
  if (m.sinceMs) w.uint(24, Number(m.sinceMs));
  if (m.untilMs) w.uint(32, Number(m.untilMs));
  if (m.pageSize) w.uint(40, Number(m.pageSize));
  if (m.waitMs) w.uint(48, Number(m.waitMs));
  if (m.fromNow) w.bool(56, m.fromNow);
  if (m.consistency != null && m.consistency !== "LINEARIZABLE" && m.consistency !== 0) w.uint(64, numberOf(CONSISTENCY, m.consistency));
}

function decodeReadEventsRequest(r: Reader): ReadEventsRequest {
  const m: ReadEventsRequest = { filters: [], after: null, sinceMs: 0, untilMs: 0, pageSize: 0, waitMs: 0, fromNow: false, consistency: "LINEARIZABLE" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.filters.push(r.text()); break;
      case 18:
{ const outer = r.open(); m.after = decodeEventPosition(r); r.close(outer); break; }
      case 24:
        m.sinceMs = r.uint(); break;
      case 32:
        m.untilMs = r.uint(); break;
      case 40:
        m.pageSize = r.small(); break;
      case 48:
        m.waitMs = r.small(); break;
      case 56:
        m.fromNow = r.bool(); break;
      case 64:
        m.consistency = enumValue(CONSISTENCY_NAMES, r.small()); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeReadEventsResponse(w: Writer, m: ReadEventsResponseInput): void {
  if (m.events != null) for (const x of m.events) { const start = w.open(10); encodeEvent(w, x); w.close(start); }
  if (m.gaps != null) for (const x of m.gaps) { const start = w.open(18); encodeEventGap(w, x); w.close(start); }
  if (m.next != null) { const start = w.open(26); encodeEventPosition(w, m.next); w.close(start); }
  if (m.hasMore) w.bool(32, m.hasMore);
}

function decodeReadEventsResponse(r: Reader): ReadEventsResponse {
  const m: ReadEventsResponse = { events: [], gaps: [], next: null, hasMore: false };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.events.push(decodeEvent(r)); r.close(outer); break; }
      case 18:
{ const outer = r.open(); m.gaps.push(decodeEventGap(r)); r.close(outer); break; }
      case 26:
{ const outer = r.open(); m.next = decodeEventPosition(r); r.close(outer); break; }
      case 32:
        m.hasMore = r.bool(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeEventsState(w: Writer, m: EventsStateInput): void {
  if (m.version) w.uint(8, Number(m.version));
  if (m.count) w.uint(16, Number(m.count));
  if (m.gaps != null) for (const x of m.gaps) { const start = w.open(26); encodeEventGap(w, x); w.close(start); }
  if (m.dropped != null) { const start = w.open(34); encodeEventPosition(w, m.dropped); w.close(start); }
  if (m.droppedMs) w.uint(40, Number(m.droppedMs));
}

function decodeEventsState(r: Reader): EventsState {
  const m: EventsState = { version: 0, count: 0, gaps: [], dropped: null, droppedMs: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.version = r.uint(); break;
      case 16:
        m.count = r.small(); break;
      case 26:
{ const outer = r.open(); m.gaps.push(decodeEventGap(r)); r.close(outer); break; }
      case 34:
{ const outer = r.open(); m.dropped = decodeEventPosition(r); r.close(outer); break; }
      case 40:
        m.droppedMs = r.uint(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeLogsOptions(w: Writer, m: LogsOptionsInput): void {
  if (m.follow) w.bool(8, m.follow);
  if (m.tail != null) w.uint(16, Number(m.tail));
  if (m.sinceMs) w.uint(24, Number(m.sinceMs));
}

function decodeLogsOptions(r: Reader): LogsOptions {
  const m: LogsOptions = { follow: false, sinceMs: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.follow = r.bool(); break;
      case 16:
        m.tail = r.small(); m._tail = "tail"; break;
      case 24:
        m.sinceMs = r.uint(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeLogsRequest(w: Writer, m: LogsRequestInput): void {
  if (m.targets != null) for (const x of m.targets) w.text(10, x);
  if (m.options != null) { const start = w.open(18); encodeLogsOptions(w, m.options); w.close(start); }
}

function decodeLogsRequest(r: Reader): LogsRequest {
  const m: LogsRequest = { targets: [], options: null };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.targets.push(r.text()); break;
      case 18:
{ const outer = r.open(); m.options = decodeLogsOptions(r); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeLogsMessage(w: Writer, m: LogsMessageInput): void {
  if (m.line != null) { const start = w.open(10); encodeLogsMessage_Line(w, m.line); w.close(start); }
  if (m.end != null) { const start = w.open(18); encodeLogsMessage_End(w, m.end); w.close(start); }
  if (m.begin != null) { const start = w.open(26); encodeLogsMessage_Begin(w, m.begin); w.close(start); }
}

function decodeLogsMessage(r: Reader): LogsMessage {
  const m: LogsMessage = {  };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.line = decodeLogsMessage_Line(r); m.message = "line"; r.close(outer); break; }
      case 18:
{ const outer = r.open(); m.end = decodeLogsMessage_End(r); m.message = "end"; r.close(outer); break; }
      case 26:
{ const outer = r.open(); m.begin = decodeLogsMessage_Begin(r); m.message = "begin"; r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeLogsMessage_Line(w: Writer, m: LogsMessage_LineInput): void {
  if (m.taskId) w.text(10, m.taskId);
  if (m.nodeId) w.text(18, m.nodeId);
  if (m.stream != null && m.stream !== "STDOUT" && m.stream !== 0) w.uint(24, numberOf(LOGSMESSAGE_STREAM, m.stream));
  if (m.timeUs) w.uint(32, Number(m.timeUs));
  if (m.data != null && m.data.length > 0) w.bytes(42, m.data);
  if (m.partial) w.bool(48, m.partial);
  if (m.position) w.uint(56, Number(m.position));
}

function decodeLogsMessage_Line(r: Reader): LogsMessage_Line {
  const m: LogsMessage_Line = { taskId: "", nodeId: "", stream: "STDOUT", timeUs: 0, data: EMPTY, partial: false, position: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.taskId = r.text(); break;
      case 18:
        m.nodeId = r.text(); break;
      case 24:
        m.stream = enumValue(LOGSMESSAGE_STREAM_NAMES, r.small()); break;
      case 32:
        m.timeUs = r.uint(); break;
      case 42:
        m.data = r.bytes(); break;
      case 48:
        m.partial = r.bool(); break;
      case 56:
        m.position = r.uint(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeLogsMessage_End(w: Writer, m: LogsMessage_EndInput): void {
  if (m.taskId) w.text(10, m.taskId);
  if (m.nodeId) w.text(18, m.nodeId);
  if (m.error) w.text(26, m.error);
}

function decodeLogsMessage_End(r: Reader): LogsMessage_End {
  const m: LogsMessage_End = { taskId: "", nodeId: "", error: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.taskId = r.text(); break;
      case 18:
        m.nodeId = r.text(); break;
      case 26:
        m.error = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeLogsMessage_Begin(w: Writer, m: LogsMessage_BeginInput): void {
  if (m.taskId) w.text(10, m.taskId);
  if (m.nodeId) w.text(18, m.nodeId);
  if (m.name) w.text(26, m.name);
  if (m.nodeName) w.text(34, m.nodeName);
}

function decodeLogsMessage_Begin(r: Reader): LogsMessage_Begin {
  const m: LogsMessage_Begin = { taskId: "", nodeId: "", name: "", nodeName: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.taskId = r.text(); break;
      case 18:
        m.nodeId = r.text(); break;
      case 26:
        m.name = r.text(); break;
      case 34:
        m.nodeName = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeNodeTasksRequest(w: Writer, m: NodeTasksRequestInput): void {
}

function decodeNodeTasksRequest(r: Reader): NodeTasksRequest {
  const m: NodeTasksRequest = {  };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeNodeTasksResponse(w: Writer, m: NodeTasksResponseInput): void {
  if (m.tasks != null) for (const x of m.tasks) { const start = w.open(10); encodeHeldTask(w, x); w.close(start); }
}

function decodeNodeTasksResponse(r: Reader): NodeTasksResponse {
  const m: NodeTasksResponse = { tasks: [] };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.tasks.push(decodeHeldTask(r)); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeHeldTask(w: Writer, m: HeldTaskInput): void {
  if (m.id) w.text(10, m.id);
  if (m.serviceId) w.text(18, m.serviceId);
  if (m.name) w.text(26, m.name);
  if (m.desired != null && m.desired !== "NEW" && m.desired !== 0) w.uint(32, numberOf(TASK_STATE, m.desired));
  if (m.observed != null && m.observed !== "NEW" && m.observed !== 0) w.uint(40, numberOf(TASK_STATE, m.observed));
}

function decodeHeldTask(r: Reader): HeldTask {
  const m: HeldTask = { id: "", serviceId: "", name: "", desired: "NEW", observed: "NEW" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.id = r.text(); break;
      case 18:
        m.serviceId = r.text(); break;
      case 26:
        m.name = r.text(); break;
      case 32:
        m.desired = enumValue(TASK_STATE_NAMES, r.small()); break;
      case 40:
        m.observed = enumValue(TASK_STATE_NAMES, r.small()); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeNodeLogsRequest(w: Writer, m: NodeLogsRequestInput): void {
  if (m.taskId) w.text(10, m.taskId);
  if (m.options != null) { const start = w.open(18); encodeLogsOptions(w, m.options); w.close(start); }
}

function decodeNodeLogsRequest(r: Reader): NodeLogsRequest {
  const m: NodeLogsRequest = { taskId: "", options: null };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.taskId = r.text(); break;
      case 18:
{ const outer = r.open(); m.options = decodeLogsOptions(r); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRaftFrame(w: Writer, m: RaftFrameInput): void {
  if (m.data != null && m.data.length > 0) w.bytes(10, m.data);
}

function decodeRaftFrame(r: Reader): RaftFrame {
  const m: RaftFrame = { data: EMPTY };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.data = r.bytes(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeFetchSnapshotRequest(w: Writer, m: FetchSnapshotRequestInput): void {
  if (m.index) w.uint(8, Number(m.index));
  if (m.term) w.uint(16, Number(m.term));
  if (m.offset) w.uint(24, Number(m.offset));
}

function decodeFetchSnapshotRequest(r: Reader): FetchSnapshotRequest {
  const m: FetchSnapshotRequest = { index: 0, term: 0, offset: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.index = r.uint(); break;
      case 16:
        m.term = r.uint(); break;
      case 24:
        m.offset = r.uint(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeSnapshotChunk(w: Writer, m: SnapshotChunkInput): void {
  if (m.offset) w.uint(8, Number(m.offset));
  if (m.data != null && m.data.length > 0) w.bytes(18, m.data);
}

function decodeSnapshotChunk(r: Reader): SnapshotChunk {
  const m: SnapshotChunk = { offset: 0, data: EMPTY };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.offset = r.uint(); break;
      case 18:
        m.data = r.bytes(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRaftJoinRequest(w: Writer, m: RaftJoinRequestInput): void {
  if (m.address) w.text(10, m.address);
  if (m.protocolMax) w.uint(16, Number(m.protocolMax));
}

function decodeRaftJoinRequest(r: Reader): RaftJoinRequest {
  const m: RaftJoinRequest = { address: "", protocolMax: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.address = r.text(); break;
      case 16:
        m.protocolMax = r.small(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRaftJoinResponse(w: Writer, m: RaftJoinResponseInput): void {
  if (m.members != null) for (const x of m.members) w.text(10, x);
}

function decodeRaftJoinResponse(r: Reader): RaftJoinResponse {
  const m: RaftJoinResponse = { members: [] };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.members.push(r.text()); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRaftDiskRequest(w: Writer, m: RaftDiskRequestInput): void {
}

function decodeRaftDiskRequest(r: Reader): RaftDiskRequest {
  const m: RaftDiskRequest = {  };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRaftDiskResponse(w: Writer, m: RaftDiskResponseInput): void {
  if (m.isLow) w.bool(8, m.isLow);
  if (m.freeBytes) w.uint(16, Number(m.freeBytes));
}

function decodeRaftDiskResponse(r: Reader): RaftDiskResponse {
  const m: RaftDiskResponse = { isLow: false, freeBytes: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.isLow = r.bool(); break;
      case 16:
        m.freeBytes = r.uint(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRaftLeaveRequest(w: Writer, m: RaftLeaveRequestInput): void {
  if (m.nodeId) w.text(10, m.nodeId);
}

function decodeRaftLeaveRequest(r: Reader): RaftLeaveRequest {
  const m: RaftLeaveRequest = { nodeId: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.nodeId = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRaftLeaveResponse(w: Writer, m: RaftLeaveResponseInput): void {
}

function decodeRaftLeaveResponse(r: Reader): RaftLeaveResponse {
  const m: RaftLeaveResponse = {  };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeSessionUp(w: Writer, m: SessionUpInput): void {
  if (m.hello != null) { const start = w.open(10); encodeSessionUp_Hello(w, m.hello); w.close(start); }
  if (m.heartbeat != null) { const start = w.open(18); encodeSessionUp_Heartbeat(w, m.heartbeat); w.close(start); }
  if (m.statuses != null) { const start = w.open(26); encodeSessionUp_Statuses(w, m.statuses); w.close(start); }
  if (m.goodbye != null) { const start = w.open(34); encodeSessionUp_Goodbye(w, m.goodbye); w.close(start); }
  if (m.description != null) { const start = w.open(42); encodeNodeDescription(w, m.description); w.close(start); }
}

function decodeSessionUp(r: Reader): SessionUp {
  const m: SessionUp = {  };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.hello = decodeSessionUp_Hello(r); m.message = "hello"; r.close(outer); break; }
      case 18:
{ const outer = r.open(); m.heartbeat = decodeSessionUp_Heartbeat(r); m.message = "heartbeat"; r.close(outer); break; }
      case 26:
{ const outer = r.open(); m.statuses = decodeSessionUp_Statuses(r); m.message = "statuses"; r.close(outer); break; }
      case 34:
{ const outer = r.open(); m.goodbye = decodeSessionUp_Goodbye(r); m.message = "goodbye"; r.close(outer); break; }
      case 42:
{ const outer = r.open(); m.description = decodeNodeDescription(r); m.message = "description"; r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeSessionUp_Hello(w: Writer, m: SessionUp_HelloInput): void {
  if (m.description != null) { const start = w.open(10); encodeNodeDescription(w, m.description); w.close(start); }
  if (m.address) w.text(18, m.address);
  if (m.agentEpoch) w.uint(24, Number(m.agentEpoch));
  if (m.clusterId) w.text(34, m.clusterId);
}

function decodeSessionUp_Hello(r: Reader): SessionUp_Hello {
  const m: SessionUp_Hello = { description: null, address: "", agentEpoch: 0, clusterId: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.description = decodeNodeDescription(r); r.close(outer); break; }
      case 18:
        m.address = r.text(); break;
      case 24:
        m.agentEpoch = r.uint(); break;
      case 34:
        m.clusterId = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeSessionUp_Heartbeat(w: Writer, m: SessionUp_HeartbeatInput): void {
  if (m.engineOk) w.bool(8, m.engineOk);
  if (m.engineMessage) w.text(18, m.engineMessage);
  if (m.number) w.uint(24, Number(m.number));
}

function decodeSessionUp_Heartbeat(r: Reader): SessionUp_Heartbeat {
  const m: SessionUp_Heartbeat = { engineOk: false, engineMessage: "", number: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.engineOk = r.bool(); break;
      case 18:
        m.engineMessage = r.text(); break;
      case 24:
        m.number = r.uint(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeSessionUp_Statuses(w: Writer, m: SessionUp_StatusesInput): void {
  if (m.reports != null) for (const x of m.reports) { const start = w.open(10); encodeTaskReport(w, x); w.close(start); }
}

function decodeSessionUp_Statuses(r: Reader): SessionUp_Statuses {
  const m: SessionUp_Statuses = { reports: [] };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.reports.push(decodeTaskReport(r)); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeSessionUp_Goodbye(w: Writer, m: SessionUp_GoodbyeInput): void {
  if (m.reason) w.text(10, m.reason);
}

function decodeSessionUp_Goodbye(r: Reader): SessionUp_Goodbye {
  const m: SessionUp_Goodbye = { reason: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.reason = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeTaskReport(w: Writer, m: TaskReportInput): void {
  if (m.taskId) w.text(10, m.taskId);
  if (m.status != null) { const start = w.open(18); encodeTaskStatus(w, m.status); w.close(start); }
}

function decodeTaskReport(r: Reader): TaskReport {
  const m: TaskReport = { taskId: "", status: null };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.taskId = r.text(); break;
      case 18:
{ const outer = r.open(); m.status = decodeTaskStatus(r); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeSessionDown(w: Writer, m: SessionDownInput): void {
  if (m.welcome != null) { const start = w.open(10); encodeSessionDown_Welcome(w, m.welcome); w.close(start); }
  if (m.managers != null) { const start = w.open(18); encodeSessionDown_Managers(w, m.managers); w.close(start); }
  if (m.assignments != null) { const start = w.open(26); encodeSessionDown_AssignmentChunk(w, m.assignments); w.close(start); }
  if (m.ack != null) { const start = w.open(34); encodeSessionDown_StatusAck(w, m.ack); w.close(start); }
  if (m.node != null) { const start = w.open(42); encodeNodeSpec(w, m.node); w.close(start); }
  if (m.role != null) { const start = w.open(58); encodeSessionDown_Role(w, m.role); w.close(start); }
  if (m.heartbeat != null) { const start = w.open(50); encodeSessionDown_Heartbeat(w, m.heartbeat); w.close(start); }
}

function decodeSessionDown(r: Reader): SessionDown {
  const m: SessionDown = {  };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.welcome = decodeSessionDown_Welcome(r); m.message = "welcome"; r.close(outer); break; }
      case 18:
{ const outer = r.open(); m.managers = decodeSessionDown_Managers(r); m.message = "managers"; r.close(outer); break; }
      case 26:
{ const outer = r.open(); m.assignments = decodeSessionDown_AssignmentChunk(r); m.message = "assignments"; r.close(outer); break; }
      case 34:
{ const outer = r.open(); m.ack = decodeSessionDown_StatusAck(r); m.message = "ack"; r.close(outer); break; }
      case 42:
{ const outer = r.open(); m.node = decodeNodeSpec(r); m.message = "node"; r.close(outer); break; }
      case 58:
{ const outer = r.open(); m.role = decodeSessionDown_Role(r); m.message = "role"; r.close(outer); break; }
      case 50:
{ const outer = r.open(); m.heartbeat = decodeSessionDown_Heartbeat(r); m.message = "heartbeat"; r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeSessionDown_Welcome(w: Writer, m: SessionDown_WelcomeInput): void {
  if (m.sessionId) w.text(10, m.sessionId);
  if (m.heartbeatMs) w.uint(16, Number(m.heartbeatMs));
  if (m.clusterIncarnation) w.text(26, m.clusterIncarnation);
}

function decodeSessionDown_Welcome(r: Reader): SessionDown_Welcome {
  const m: SessionDown_Welcome = { sessionId: "", heartbeatMs: 0, clusterIncarnation: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.sessionId = r.text(); break;
      case 16:
        m.heartbeatMs = r.uint(); break;
      case 26:
        m.clusterIncarnation = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeSessionDown_Managers(w: Writer, m: SessionDown_ManagersInput): void {
  if (m.addresses != null) for (const x of m.addresses) w.text(10, x);
}

function decodeSessionDown_Managers(r: Reader): SessionDown_Managers {
  const m: SessionDown_Managers = { addresses: [] };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.addresses.push(r.text()); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeSessionDown_AssignmentChunk(w: Writer, m: SessionDown_AssignmentChunkInput): void {
  if (m.data != null && m.data.length > 0) w.bytes(10, m.data);
  if (m.last) w.bool(16, m.last);
}

function decodeSessionDown_AssignmentChunk(r: Reader): SessionDown_AssignmentChunk {
  const m: SessionDown_AssignmentChunk = { data: EMPTY, last: false };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.data = r.bytes(); break;
      case 16:
        m.last = r.bool(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeSessionDown_StatusAck(w: Writer, m: SessionDown_StatusAckInput): void {
  if (m.acks != null) for (const x of m.acks) { const start = w.open(10); encodeSessionDown_TaskAck(w, x); w.close(start); }
}

function decodeSessionDown_StatusAck(r: Reader): SessionDown_StatusAck {
  const m: SessionDown_StatusAck = { acks: [] };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.acks.push(decodeSessionDown_TaskAck(r)); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeSessionDown_TaskAck(w: Writer, m: SessionDown_TaskAckInput): void {
  if (m.taskId) w.text(10, m.taskId);
  if (m.agentEpoch) w.uint(16, Number(m.agentEpoch));
  if (m.sequence) w.uint(24, Number(m.sequence));
}

function decodeSessionDown_TaskAck(r: Reader): SessionDown_TaskAck {
  const m: SessionDown_TaskAck = { taskId: "", agentEpoch: 0, sequence: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.taskId = r.text(); break;
      case 16:
        m.agentEpoch = r.uint(); break;
      case 24:
        m.sequence = r.uint(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeSessionDown_Heartbeat(w: Writer, m: SessionDown_HeartbeatInput): void {
  if (m.number) w.uint(8, Number(m.number));
}

function decodeSessionDown_Heartbeat(r: Reader): SessionDown_Heartbeat {
  const m: SessionDown_Heartbeat = { number: 0 };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.number = r.uint(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeSessionDown_Role(w: Writer, m: SessionDown_RoleInput): void {
  if (m.role != null && m.role !== "WORKER" && m.role !== 0) w.uint(8, numberOf(NODE_ROLE, m.role));
}

function decodeSessionDown_Role(r: Reader): SessionDown_Role {
  const m: SessionDown_Role = { role: "WORKER" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.role = enumValue(NODE_ROLE_NAMES, r.small()); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeAssignmentSet(w: Writer, m: AssignmentSetInput): void {
  if (m.complete) w.bool(8, m.complete);
  if (m.appliesTo) w.uint(16, Number(m.appliesTo));
  if (m.resultsIn) w.uint(24, Number(m.resultsIn));
  if (m.clusterIncarnation) w.text(34, m.clusterIncarnation);
  if (m.assigned != null) for (const x of m.assigned) { const start = w.open(42); encodeAssignment(w, x); w.close(start); }
  if (m.removed != null) for (const x of m.removed) w.text(50, x);
  if (m.version) w.uint(56, Number(m.version));
  if (m.sessionId) w.text(66, m.sessionId);
}

function decodeAssignmentSet(r: Reader): AssignmentSet {
  const m: AssignmentSet = { complete: false, appliesTo: 0, resultsIn: 0, clusterIncarnation: "", assigned: [], removed: [], version: 0, sessionId: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.complete = r.bool(); break;
      case 16:
        m.appliesTo = r.uint(); break;
      case 24:
        m.resultsIn = r.uint(); break;
      case 34:
        m.clusterIncarnation = r.text(); break;
      case 42:
{ const outer = r.open(); m.assigned.push(decodeAssignment(r)); r.close(outer); break; }
      case 50:
        m.removed.push(r.text()); break;
      case 56:
        m.version = r.uint(); break;
      case 66:
        m.sessionId = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeAssignment(w: Writer, m: AssignmentInput): void {
  if (m.task != null) { const start = w.open(10); encodeTask(w, m.task); w.close(start); }
  if (m.spec != null) { const start = w.open(18); encodeTaskSpec(w, m.spec); w.close(start); }
}

function decodeAssignment(r: Reader): Assignment {
  const m: Assignment = { task: null, spec: null };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.task = decodeTask(r); r.close(outer); break; }
      case 18:
{ const outer = r.open(); m.spec = decodeTaskSpec(r); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRelayRequest(w: Writer, m: RelayRequestInput): void {
  if (m.managerId) w.text(10, m.managerId);
  if (m.term) w.uint(16, Number(m.term));
  if (m.seen != null) for (const x of m.seen) { const start = w.open(26); encodeNodeSeen(w, x); w.close(start); }
  if (m.reports != null) for (const x of m.reports) { const start = w.open(34); encodeNodeReport(w, x); w.close(start); }
}

function decodeRelayRequest(r: Reader): RelayRequest {
  const m: RelayRequest = { managerId: "", term: 0, seen: [], reports: [] };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.managerId = r.text(); break;
      case 16:
        m.term = r.uint(); break;
      case 26:
{ const outer = r.open(); m.seen.push(decodeNodeSeen(r)); r.close(outer); break; }
      case 34:
{ const outer = r.open(); m.reports.push(decodeNodeReport(r)); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeNodeSeen(w: Writer, m: NodeSeenInput): void {
  if (m.nodeId) w.text(10, m.nodeId);
  if (m.silentMs) w.uint(16, Number(m.silentMs));
  if (m.link != null && m.link !== "OPEN" && m.link !== 0) w.uint(24, numberOf(NODESEEN_LINK, m.link));
  if (m.sessionId) w.text(34, m.sessionId);
  if (m.description != null) { const start = w.open(42); encodeNodeDescription(w, m.description); w.close(start); }
  if (m.address) w.text(50, m.address);
  if (m.agentEpoch) w.uint(56, Number(m.agentEpoch));
  if (m.engineOk) w.bool(64, m.engineOk);
  if (m.engineMessage) w.text(74, m.engineMessage);
}

function decodeNodeSeen(r: Reader): NodeSeen {
  const m: NodeSeen = { nodeId: "", silentMs: 0, link: "OPEN", sessionId: "", description: null, address: "", agentEpoch: 0, engineOk: false, engineMessage: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.nodeId = r.text(); break;
      case 16:
        m.silentMs = r.uint(); break;
      case 24:
        m.link = enumValue(NODESEEN_LINK_NAMES, r.small()); break;
      case 34:
        m.sessionId = r.text(); break;
      case 42:
{ const outer = r.open(); m.description = decodeNodeDescription(r); r.close(outer); break; }
      case 50:
        m.address = r.text(); break;
      case 56:
        m.agentEpoch = r.uint(); break;
      case 64:
        m.engineOk = r.bool(); break;
      case 74:
        m.engineMessage = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeNodeReport(w: Writer, m: NodeReportInput): void {
  if (m.nodeId) w.text(10, m.nodeId);
  if (m.report != null) { const start = w.open(18); encodeTaskReport(w, m.report); w.close(start); }
}

function decodeNodeReport(r: Reader): NodeReport {
  const m: NodeReport = { nodeId: "", report: null };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.nodeId = r.text(); break;
      case 18:
{ const outer = r.open(); m.report = decodeTaskReport(r); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeRelayResponse(w: Writer, m: RelayResponseInput): void {
}

function decodeRelayResponse(r: Reader): RelayResponse {
  const m: RelayResponse = {  };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeStoreObject(w: Writer, m: StoreObjectInput): void {
  if (m.cluster != null) { const start = w.open(10); encodeCluster(w, m.cluster); w.close(start); }
  if (m.node != null) { const start = w.open(18); encodeNode(w, m.node); w.close(start); }
  if (m.service != null) { const start = w.open(26); encodeService(w, m.service); w.close(start); }
  if (m.revision != null) { const start = w.open(34); encodeRevision(w, m.revision); w.close(start); }
  if (m.task != null) { const start = w.open(42); encodeTask(w, m.task); w.close(start); }
  if (m.request != null) { const start = w.open(50); encodeRequestRecord(w, m.request); w.close(start); }
  if (m.run != null) { const start = w.open(58); encodeRun(w, m.run); w.close(start); }
}

function decodeStoreObject(r: Reader): StoreObject {
  const m: StoreObject = {  };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.cluster = decodeCluster(r); m.object = "cluster"; r.close(outer); break; }
      case 18:
{ const outer = r.open(); m.node = decodeNode(r); m.object = "node"; r.close(outer); break; }
      case 26:
{ const outer = r.open(); m.service = decodeService(r); m.object = "service"; r.close(outer); break; }
      case 34:
{ const outer = r.open(); m.revision = decodeRevision(r); m.object = "revision"; r.close(outer); break; }
      case 42:
{ const outer = r.open(); m.task = decodeTask(r); m.object = "task"; r.close(outer); break; }
      case 50:
{ const outer = r.open(); m.request = decodeRequestRecord(r); m.object = "request"; r.close(outer); break; }
      case 58:
{ const outer = r.open(); m.run = decodeRun(r); m.object = "run"; r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeStoreAction(w: Writer, m: StoreActionInput): void {
  if (m.put != null) { const start = w.open(10); encodeStoreObject(w, m.put); w.close(start); }
  if (m.remove != null) { const start = w.open(18); encodeStoreKey(w, m.remove); w.close(start); }
}

function decodeStoreAction(r: Reader): StoreAction {
  const m: StoreAction = {  };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
{ const outer = r.open(); m.put = decodeStoreObject(r); m.action = "put"; r.close(outer); break; }
      case 18:
{ const outer = r.open(); m.remove = decodeStoreKey(r); m.action = "remove"; r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeStoreKey(w: Writer, m: StoreKeyInput): void {
  if (m.table) w.text(10, m.table);
  if (m.id) w.text(18, m.id);
}

function decodeStoreKey(r: Reader): StoreKey {
  const m: StoreKey = { table: "", id: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 10:
        m.table = r.text(); break;
      case 18:
        m.id = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeStoreTransaction(w: Writer, m: StoreTransactionInput): void {
  if (m.timeMs) w.uint(8, Number(m.timeMs));
  if (m.actions != null) for (const x of m.actions) { const start = w.open(18); encodeStoreAction(w, x); w.close(start); }
  if (m.protocol) w.uint(24, Number(m.protocol));
  if (m.actor) w.text(34, m.actor);
  if (m.leaderId) w.text(42, m.leaderId);
}

function decodeStoreTransaction(r: Reader): StoreTransaction {
  const m: StoreTransaction = { timeMs: 0, actions: [], protocol: 0, actor: "", leaderId: "" };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.timeMs = r.uint(); break;
      case 18:
{ const outer = r.open(); m.actions.push(decodeStoreAction(r)); r.close(outer); break; }
      case 24:
        m.protocol = r.small(); break;
      case 34:
        m.actor = r.text(); break;
      case 42:
        m.leaderId = r.text(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeStoreSnapshotChunk(w: Writer, m: StoreSnapshotChunkInput): void {
  if (m.clusterTimeMs) w.uint(8, Number(m.clusterTimeMs));
  if (m.objects != null) for (const x of m.objects) { const start = w.open(18); encodeStoreObject(w, x); w.close(start); }
}

function decodeStoreSnapshotChunk(r: Reader): StoreSnapshotChunk {
  const m: StoreSnapshotChunk = { clusterTimeMs: 0, objects: [] };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.clusterTimeMs = r.uint(); break;
      case 18:
{ const outer = r.open(); m.objects.push(decodeStoreObject(r)); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeWatchRequest(w: Writer, m: WatchRequestInput): void {
  if (m.resumeFrom) w.uint(8, Number(m.resumeFrom));
  if (m.kinds != null) for (const x of m.kinds) w.text(18, x);
  if (m.filters != null) for (const x of m.filters) w.text(26, x);
  if (m.initial) w.bool(32, m.initial);
}

function decodeWatchRequest(r: Reader): WatchRequest {
  const m: WatchRequest = { resumeFrom: 0, kinds: [], filters: [], initial: false };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.resumeFrom = r.uint(); break;
      case 18:
        m.kinds.push(r.text()); break;
      case 26:
        m.filters.push(r.text()); break;
      case 32:
        m.initial = r.bool(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeWatchMessage(w: Writer, m: WatchMessageInput): void {
  if (m.version) w.uint(8, Number(m.version));
  if (m.changes != null) for (const x of m.changes) { const start = w.open(18); encodeWatchMessage_Change(w, x); w.close(start); }
  if (m.compacted) w.bool(24, m.compacted);
  if (m.established) w.bool(32, m.established);
}

function decodeWatchMessage(r: Reader): WatchMessage {
  const m: WatchMessage = { version: 0, changes: [], compacted: false, established: false };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.version = r.uint(); break;
      case 18:
{ const outer = r.open(); m.changes.push(decodeWatchMessage_Change(r)); r.close(outer); break; }
      case 24:
        m.compacted = r.bool(); break;
      case 32:
        m.established = r.bool(); break;
      default: r.skip(tag);
    }
  }
  return m;
}

function encodeWatchMessage_Change(w: Writer, m: WatchMessage_ChangeInput): void {
  if (m.action != null && m.action !== "CREATED" && m.action !== 0) w.uint(8, numberOf(WATCHMESSAGE_CHANGE_ACTION, m.action));
  if (m.object != null) { const start = w.open(18); encodeStoreObject(w, m.object); w.close(start); }
}

function decodeWatchMessage_Change(r: Reader): WatchMessage_Change {
  const m: WatchMessage_Change = { action: "CREATED", object: null };
  while (r.at < r.end) {
    const tag = r.small();
    switch (tag) {
      case 8:
        m.action = enumValue(WATCHMESSAGE_CHANGE_ACTION_NAMES, r.small()); break;
      case 18:
{ const outer = r.open(); m.object = decodeStoreObject(r); r.close(outer); break; }
      default: r.skip(tag);
    }
  }
  return m;
}

export type MessageCodecs = {
  readonly [N in keyof Messages]: {
    readonly encode: (w: Writer, m: Messages[N]["input"]) => void;
    readonly decode: (r: Reader) => Messages[N]["output"];
  };
};

export const CODECS: MessageCodecs = {
  Access: { encode: encodeAccess, decode: decodeAccess },
  BackupRequest: { encode: encodeBackupRequest, decode: decodeBackupRequest },
  BackupMessage: { encode: encodeBackupMessage, decode: decodeBackupMessage },
  Meta: { encode: encodeMeta, decode: decodeMeta },
  Platform: { encode: encodePlatform, decode: decodePlatform },
  Resources: { encode: encodeResources, decode: decodeResources },
  GenericResource: { encode: encodeGenericResource, decode: decodeGenericResource },
  PortSpec: { encode: encodePortSpec, decode: decodePortSpec },
  PortStatus: { encode: encodePortStatus, decode: decodePortStatus },
  Cause: { encode: encodeCause, decode: decodeCause },
  GetRootCertificateRequest: { encode: encodeGetRootCertificateRequest, decode: decodeGetRootCertificateRequest },
  GetRootCertificateResponse: { encode: encodeGetRootCertificateResponse, decode: decodeGetRootCertificateResponse },
  IssueNodeCertificateRequest: { encode: encodeIssueNodeCertificateRequest, decode: decodeIssueNodeCertificateRequest },
  IssueNodeCertificateResponse: { encode: encodeIssueNodeCertificateResponse, decode: decodeIssueNodeCertificateResponse },
  IssueContextCertificateRequest: { encode: encodeIssueContextCertificateRequest, decode: decodeIssueContextCertificateRequest },
  IssueContextCertificateResponse: { encode: encodeIssueContextCertificateResponse, decode: decodeIssueContextCertificateResponse },
  Cluster: { encode: encodeCluster, decode: decodeCluster },
  MassSilence: { encode: encodeMassSilence, decode: decodeMassSilence },
  Recovery: { encode: encodeRecovery, decode: decodeRecovery },
  Node: { encode: encodeNode, decode: decodeNode },
  NodeDescription: { encode: encodeNodeDescription, decode: decodeNodeDescription },
  NodeStatus: { encode: encodeNodeStatus, decode: decodeNodeStatus },
  Silence: { encode: encodeSilence, decode: decodeSilence },
  Service: { encode: encodeService, decode: decodeService },
  Run: { encode: encodeRun, decode: decodeRun },
  Rollout: { encode: encodeRollout, decode: decodeRollout },
  RolloutFailure: { encode: encodeRolloutFailure, decode: decodeRolloutFailure },
  Revision: { encode: encodeRevision, decode: decodeRevision },
  Task: { encode: encodeTask, decode: decodeTask },
  TaskMove: { encode: encodeTaskMove, decode: decodeTaskMove },
  TaskStatus: { encode: encodeTaskStatus, decode: decodeTaskStatus },
  RequestRecord: { encode: encodeRequestRecord, decode: decodeRequestRecord },
  ServiceSpec: { encode: encodeServiceSpec, decode: decodeServiceSpec },
  NodeLoss: { encode: encodeNodeLoss, decode: decodeNodeLoss },
  Replicated: { encode: encodeReplicated, decode: decodeReplicated },
  Global: { encode: encodeGlobal, decode: decodeGlobal },
  ReplicatedJob: { encode: encodeReplicatedJob, decode: decodeReplicatedJob },
  GlobalJob: { encode: encodeGlobalJob, decode: decodeGlobalJob },
  JobPolicy: { encode: encodeJobPolicy, decode: decodeJobPolicy },
  Cron: { encode: encodeCron, decode: decodeCron },
  UpdateConfig: { encode: encodeUpdateConfig, decode: decodeUpdateConfig },
  TaskSpec: { encode: encodeTaskSpec, decode: decodeTaskSpec },
  TaskChecks: { encode: encodeTaskChecks, decode: decodeTaskChecks },
  Check: { encode: encodeCheck, decode: decodeCheck },
  CommandProbe: { encode: encodeCommandProbe, decode: decodeCommandProbe },
  HttpProbe: { encode: encodeHttpProbe, decode: decodeHttpProbe },
  TcpProbe: { encode: encodeTcpProbe, decode: decodeTcpProbe },
  ContainerSpec: { encode: encodeContainerSpec, decode: decodeContainerSpec },
  Device: { encode: encodeDevice, decode: decodeDevice },
  GpuRequest: { encode: encodeGpuRequest, decode: decodeGpuRequest },
  ProcessSpec: { encode: encodeProcessSpec, decode: decodeProcessSpec },
  Mount: { encode: encodeMount, decode: decodeMount },
  HealthCheck: { encode: encodeHealthCheck, decode: decodeHealthCheck },
  ResourceRequirements: { encode: encodeResourceRequirements, decode: decodeResourceRequirements },
  RestartPolicy: { encode: encodeRestartPolicy, decode: decodeRestartPolicy },
  Placement: { encode: encodePlacement, decode: decodePlacement },
  PlacementPreference: { encode: encodePlacementPreference, decode: decodePlacementPreference },
  Affinity: { encode: encodeAffinity, decode: decodeAffinity },
  LogConfig: { encode: encodeLogConfig, decode: decodeLogConfig },
  NodeSpec: { encode: encodeNodeSpec, decode: decodeNodeSpec },
  ClusterSpec: { encode: encodeClusterSpec, decode: decodeClusterSpec },
  CreateServiceRequest: { encode: encodeCreateServiceRequest, decode: decodeCreateServiceRequest },
  CreateServiceResponse: { encode: encodeCreateServiceResponse, decode: decodeCreateServiceResponse },
  GetRequest: { encode: encodeGetRequest, decode: decodeGetRequest },
  GetServiceResponse: { encode: encodeGetServiceResponse, decode: decodeGetServiceResponse },
  GetTaskResponse: { encode: encodeGetTaskResponse, decode: decodeGetTaskResponse },
  GetNodeResponse: { encode: encodeGetNodeResponse, decode: decodeGetNodeResponse },
  ListRequest: { encode: encodeListRequest, decode: decodeListRequest },
  ListServicesResponse: { encode: encodeListServicesResponse, decode: decodeListServicesResponse },
  ServiceSummary: { encode: encodeServiceSummary, decode: decodeServiceSummary },
  ListTasksResponse: { encode: encodeListTasksResponse, decode: decodeListTasksResponse },
  ListNodesResponse: { encode: encodeListNodesResponse, decode: decodeListNodesResponse },
  NodeSummary: { encode: encodeNodeSummary, decode: decodeNodeSummary },
  ManagerStatus: { encode: encodeManagerStatus, decode: decodeManagerStatus },
  RunServiceRequest: { encode: encodeRunServiceRequest, decode: decodeRunServiceRequest },
  RunServiceResponse: { encode: encodeRunServiceResponse, decode: decodeRunServiceResponse },
  ListRunsResponse: { encode: encodeListRunsResponse, decode: decodeListRunsResponse },
  UpdateServiceRequest: { encode: encodeUpdateServiceRequest, decode: decodeUpdateServiceRequest },
  UpdateServiceResponse: { encode: encodeUpdateServiceResponse, decode: decodeUpdateServiceResponse },
  RollbackServiceRequest: { encode: encodeRollbackServiceRequest, decode: decodeRollbackServiceRequest },
  SteerRolloutRequest: { encode: encodeSteerRolloutRequest, decode: decodeSteerRolloutRequest },
  RebalanceServiceRequest: { encode: encodeRebalanceServiceRequest, decode: decodeRebalanceServiceRequest },
  PlanRebalanceResponse: { encode: encodePlanRebalanceResponse, decode: decodePlanRebalanceResponse },
  PlannedMove: { encode: encodePlannedMove, decode: decodePlannedMove },
  ListRevisionsResponse: { encode: encodeListRevisionsResponse, decode: decodeListRevisionsResponse },
  RevisionSummary: { encode: encodeRevisionSummary, decode: decodeRevisionSummary },
  UpdateNodeRequest: { encode: encodeUpdateNodeRequest, decode: decodeUpdateNodeRequest },
  UpdateNodeResponse: { encode: encodeUpdateNodeResponse, decode: decodeUpdateNodeResponse },
  SetNodeRoleRequest: { encode: encodeSetNodeRoleRequest, decode: decodeSetNodeRoleRequest },
  RemoveRequest: { encode: encodeRemoveRequest, decode: decodeRemoveRequest },
  RemoveTaskRequest: { encode: encodeRemoveTaskRequest, decode: decodeRemoveTaskRequest },
  RemoveTaskResponse: { encode: encodeRemoveTaskResponse, decode: decodeRemoveTaskResponse },
  RemoveNodeRequest: { encode: encodeRemoveNodeRequest, decode: decodeRemoveNodeRequest },
  RemoveResponse: { encode: encodeRemoveResponse, decode: decodeRemoveResponse },
  GetClusterRequest: { encode: encodeGetClusterRequest, decode: decodeGetClusterRequest },
  GetClusterResponse: { encode: encodeGetClusterResponse, decode: decodeGetClusterResponse },
  UpdateClusterRequest: { encode: encodeUpdateClusterRequest, decode: decodeUpdateClusterRequest },
  UpdateClusterResponse: { encode: encodeUpdateClusterResponse, decode: decodeUpdateClusterResponse },
  FinalizeUpgradeRequest: { encode: encodeFinalizeUpgradeRequest, decode: decodeFinalizeUpgradeRequest },
  FinalizeUpgradeResponse: { encode: encodeFinalizeUpgradeResponse, decode: decodeFinalizeUpgradeResponse },
  PlanResumeRequest: { encode: encodePlanResumeRequest, decode: decodePlanResumeRequest },
  PlanResumeResponse: { encode: encodePlanResumeResponse, decode: decodePlanResumeResponse },
  ResumeItem: { encode: encodeResumeItem, decode: decodeResumeItem },
  ResumeNode: { encode: encodeResumeNode, decode: decodeResumeNode },
  ResumeClusterRequest: { encode: encodeResumeClusterRequest, decode: decodeResumeClusterRequest },
  ResumeClusterResponse: { encode: encodeResumeClusterResponse, decode: decodeResumeClusterResponse },
  GetJoinTokensRequest: { encode: encodeGetJoinTokensRequest, decode: decodeGetJoinTokensRequest },
  GetJoinTokensResponse: { encode: encodeGetJoinTokensResponse, decode: decodeGetJoinTokensResponse },
  ExplainRequest: { encode: encodeExplainRequest, decode: decodeExplainRequest },
  ExplainResponse: { encode: encodeExplainResponse, decode: decodeExplainResponse },
  ExplainReason: { encode: encodeExplainReason, decode: decodeExplainReason },
  InitRequest: { encode: encodeInitRequest, decode: decodeInitRequest },
  InitResponse: { encode: encodeInitResponse, decode: decodeInitResponse },
  JoinRequest: { encode: encodeJoinRequest, decode: decodeJoinRequest },
  JoinResponse: { encode: encodeJoinResponse, decode: decodeJoinResponse },
  LeaveRequest: { encode: encodeLeaveRequest, decode: decodeLeaveRequest },
  LeaveResponse: { encode: encodeLeaveResponse, decode: decodeLeaveResponse },
  StatusRequest: { encode: encodeStatusRequest, decode: decodeStatusRequest },
  StatusResponse: { encode: encodeStatusResponse, decode: decodeStatusResponse },
  Event: { encode: encodeEvent, decode: decodeEvent },
  EventPosition: { encode: encodeEventPosition, decode: decodeEventPosition },
  EventGap: { encode: encodeEventGap, decode: decodeEventGap },
  ReadEventsRequest: { encode: encodeReadEventsRequest, decode: decodeReadEventsRequest },
  ReadEventsResponse: { encode: encodeReadEventsResponse, decode: decodeReadEventsResponse },
  EventsState: { encode: encodeEventsState, decode: decodeEventsState },
  LogsOptions: { encode: encodeLogsOptions, decode: decodeLogsOptions },
  LogsRequest: { encode: encodeLogsRequest, decode: decodeLogsRequest },
  LogsMessage: { encode: encodeLogsMessage, decode: decodeLogsMessage },
  NodeTasksRequest: { encode: encodeNodeTasksRequest, decode: decodeNodeTasksRequest },
  NodeTasksResponse: { encode: encodeNodeTasksResponse, decode: decodeNodeTasksResponse },
  HeldTask: { encode: encodeHeldTask, decode: decodeHeldTask },
  NodeLogsRequest: { encode: encodeNodeLogsRequest, decode: decodeNodeLogsRequest },
  RaftFrame: { encode: encodeRaftFrame, decode: decodeRaftFrame },
  FetchSnapshotRequest: { encode: encodeFetchSnapshotRequest, decode: decodeFetchSnapshotRequest },
  SnapshotChunk: { encode: encodeSnapshotChunk, decode: decodeSnapshotChunk },
  RaftJoinRequest: { encode: encodeRaftJoinRequest, decode: decodeRaftJoinRequest },
  RaftJoinResponse: { encode: encodeRaftJoinResponse, decode: decodeRaftJoinResponse },
  RaftDiskRequest: { encode: encodeRaftDiskRequest, decode: decodeRaftDiskRequest },
  RaftDiskResponse: { encode: encodeRaftDiskResponse, decode: decodeRaftDiskResponse },
  RaftLeaveRequest: { encode: encodeRaftLeaveRequest, decode: decodeRaftLeaveRequest },
  RaftLeaveResponse: { encode: encodeRaftLeaveResponse, decode: decodeRaftLeaveResponse },
  SessionUp: { encode: encodeSessionUp, decode: decodeSessionUp },
  TaskReport: { encode: encodeTaskReport, decode: decodeTaskReport },
  SessionDown: { encode: encodeSessionDown, decode: decodeSessionDown },
  AssignmentSet: { encode: encodeAssignmentSet, decode: decodeAssignmentSet },
  Assignment: { encode: encodeAssignment, decode: decodeAssignment },
  RelayRequest: { encode: encodeRelayRequest, decode: decodeRelayRequest },
  NodeSeen: { encode: encodeNodeSeen, decode: decodeNodeSeen },
  NodeReport: { encode: encodeNodeReport, decode: decodeNodeReport },
  RelayResponse: { encode: encodeRelayResponse, decode: decodeRelayResponse },
  StoreObject: { encode: encodeStoreObject, decode: decodeStoreObject },
  StoreAction: { encode: encodeStoreAction, decode: decodeStoreAction },
  StoreKey: { encode: encodeStoreKey, decode: decodeStoreKey },
  StoreTransaction: { encode: encodeStoreTransaction, decode: decodeStoreTransaction },
  StoreSnapshotChunk: { encode: encodeStoreSnapshotChunk, decode: decodeStoreSnapshotChunk },
  WatchRequest: { encode: encodeWatchRequest, decode: decodeWatchRequest },
  WatchMessage: { encode: encodeWatchMessage, decode: decodeWatchMessage },
};
